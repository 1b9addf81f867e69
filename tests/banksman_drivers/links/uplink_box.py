"""A box with an uplink, run inside a network namespace by test_fail_over.py.

Each line on stdin is a time in seconds and what to do then: ``look`` at the interfaces and choose;
``use`` the chosen one for a connection; ``use lte0`` another one; ``use -`` leave it to the routes.
It prints what was chosen, which interfaces are usable, and whom the far end saw.
"""

import json
import sys

from banksman_drivers.file_tree import Tree
from banksman_drivers.links.bind import connect_over
from banksman_drivers.links.observe import read_interfaces
from banksman_drivers.links.policy import LinkPolicy
from banksman_drivers.links.values import LinkRule


def main(host, port):
    policy = LinkPolicy([LinkRule("lte0", cost=100.0, metered=True)], hold_s=30.0)
    for line in sys.stdin:
        now_s, verb, *forced = line.split()
        choice = policy.choose(read_interfaces(Tree()), float(now_s))
        told = {
            "interface": choice.interface,
            "metered": choice.metered,
            "usable": sorted(each.interface for each in choice.links if each.usable),
        }
        if verb == "use":
            leave_by = forced[0] if forced else choice.interface
            with connect_over(None if leave_by == "-" else leave_by, (host, port), 30.0) as sock:
                told["seen"] = sock.makefile().readline().strip()
        print(json.dumps(told), flush=True)


main(sys.argv[1], int(sys.argv[2]))
