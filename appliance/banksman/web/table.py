"""The route table: every address this server answers, in one place."""

from __future__ import annotations

from banksman.maintenance.shown import MachineBrief, MachineShown
from banksman.status import Readiness, SyncHistory
from banksman.vision.commission_view import CommissionView
from banksman.vision.exhibit import Exhibit
from banksman.web import operating, quality, reading
from banksman.web.callers import Access
from banksman.web.machines import GoBackBody, MachineList, MachinePages
from banksman.web.operating import Operating
from banksman.web.pages import Pages
from banksman.web.quality import QualityPages
from banksman.web.reading import Reading
from banksman.web.routes import Handler, Query, Route
from banksman.web.views import Status
from banksman.wire.messages import AlarmMessage

PUBLIC, READ, OPERATE, RESET = Access.PUBLIC, Access.READ, Access.OPERATE, Access.RESET
API = "/api/v1"


def limit(maximum: int) -> Query:
    """The ``limit`` parameter."""
    schema = {"type": "integer", "minimum": 1, "maximum": maximum, "default": 100}
    return Query("limit", schema, "how many at most")


def route_table(
    pages: Pages,
    read: Reading,
    operate: Operating,
    quality_pages: QualityPages,
    machine_pages: MachinePages,
    description: Handler,
) -> tuple[Route, ...]:
    """Every row. The page's shell holds no data, so it is public: someone has to log in on it."""
    before = Query("before", {"type": "string"}, "id of a decision: only older ones")
    return (
        Route("GET", "/", PUBLIC, pages.index),
        Route("GET", "/api", PUBLIC, pages.api),
        Route("GET", "/static/{name}", PUBLIC, pages.static),
        Route("GET", "/healthz", PUBLIC, read.healthz, "The process answers", reading.Health),
        Route(
            "GET", "/readyz", PUBLIC, read.readyz, "The appliance does its job", Readiness,
            refusals=(503,),
        ),
        Route(
            "GET", "/metrics", READ, read.metrics, "Figures for Prometheus", media="text/plain",
            refusals=(401,),
        ),
        Route(
            "GET", f"{API}/openapi.json", READ, description, "This description", None,
            refusals=(401,),
        ),
        Route("GET", f"{API}/status", READ, read.status, "Everything at one instant", Status,
              refusals=(401,)),
        Route("GET", f"{API}/events", READ, read.events,
              "The live stream: snapshot, delta, decision, trips, alarms",
              media="text/event-stream", refusals=(401, 503)),
        Route("GET", f"{API}/sync/history", READ, read.sync_history,
              "The uplink's last hour, a state every 5 s", SyncHistory, refusals=(401,)),
        Route("GET", f"{API}/sensors", READ, read.sensors, "Newest readings", reading.Sensors,
              refusals=(401,)),
        Route("GET", f"{API}/sensors/{{id}}/history", READ, read.history,
              "A sensor's last minutes", reading.History, refusals=(401, 404)),
        Route("GET", f"{API}/outputs", READ, read.outputs, "Outputs and what holds them",
              reading.Outputs, refusals=(401,)),
        Route("GET", f"{API}/devices", READ, read.devices, "Devices and their condition",
              reading.Devices, refusals=(401,)),
        Route("GET", f"{API}/decisions", READ, read.decisions, "Recorded decisions, newest first",
              reading.Decisions, queries=(limit(reading.DECISIONS_MAX), before),
              refusals=(400, 401, 503)),
        Route("GET", f"{API}/alarms", READ, read.alarms, "Alarms that concern someone",
              reading.Alarms, refusals=(401,)),
        Route("POST", f"{API}/alarms/{{key}}/acknowledge", OPERATE, operate.acknowledge,
              "A person has seen this alarm", AlarmMessage, refusals=(401, 403, 404, 503)),
        Route("POST", f"{API}/alarms/{{key}}/shelve", OPERATE, operate.shelve,
              "An alarm rings nobody for a while", AlarmMessage, body=operating.ShelfBody,
              refusals=(400, 401, 403, 404, 409, 413, 415, 503)),
        Route("GET", f"{API}/audit", READ, read.audit, "What people and the daemon did",
              reading.Audit, queries=(limit(reading.AUDIT_MAX),), refusals=(400, 401, 503)),
        Route("GET", f"{API}/trips", READ, read.trips, "Trips of the interlock", reading.Trips,
              refusals=(401,)),
        Route("POST", f"{API}/trips/{{name}}/reset", RESET, operate.reset_trip,
              "A person resets a process trip", operating.TripReset,
              refusals=(401, 403, 404, 409, 503)),
        Route("POST", f"{API}/rules/reload", OPERATE, operate.reload_rules,
              "Load the rules file anew", operating.RulesReloaded, refusals=(401, 403, 422, 503)),
        Route("GET", f"{API}/session", PUBLIC, operate.session, "Who is logged in here",
              operating.SessionState),
        Route("POST", f"{API}/session", PUBLIC, operate.log_in, "Log in", operating.SessionState,
              operating.LoginBody, refusals=(400, 401, 403, 409, 413, 415, 429)),
        Route("DELETE", f"{API}/session", OPERATE, operate.log_out, "Log out",
              operating.SessionState, refusals=(401, 403)),
        Route("POST", f"{API}/session/setup", PUBLIC, operate.set_up,
              "Set the first password with the console's code", operating.SessionState,
              operating.SetupBody, refusals=(400, 401, 403, 409, 413, 415, 429)),
        *_quality_rows(quality_pages),
        *_machine_rows(machine_pages),
    )  # fmt: skip


def _machine_rows(pages: MachinePages) -> tuple[Route, ...]:
    """Machines that are watched: how they are, and a person's word that this is normal."""
    one = f"{API}/machines/{{id}}"
    return (
        Route("GET", f"{API}/machines", READ, pages.machines, "Machines and how they are",
              MachineList, refusals=(401,)),
        Route("GET", one, READ, pages.machine, "One machine with its spectra and trends",
              MachineShown, refusals=(401, 404)),
        Route("POST", f"{one}/renew", OPERATE, pages.renew, "The present is its new normal",
              MachineBrief, refusals=(401, 403, 404)),
        Route("POST", f"{one}/failed", OPERATE, pages.failed,
              "It failed: its life is a known run to failure, and it is new", MachineBrief,
              refusals=(401, 403, 404)),
        Route("POST", f"{one}/replaced", OPERATE, pages.replaced,
              "A part was replaced before it failed: it is new", MachineBrief,
              refusals=(401, 403, 404)),
        Route("POST", f"{one}/back", OPERATE, pages.go_back, "Go back to a former normal",
              MachineBrief, GoBackBody, refusals=(400, 401, 403, 404, 409, 413, 415)),
    )  # fmt: skip


def _quality_rows(pages: QualityPages) -> tuple[Route, ...]:
    """Visual quality control: what it sees, what people say of it, how it is taught."""
    one = f"{API}/inspections/{{id}}/commission"
    before = Query("before", {"type": "string"}, "id of a picture: only older ones")
    station = Query("station", {"type": "string"}, "only of this inspection")
    waiting = Query(
        "waiting", {"type": "boolean", "default": False},
        "only what a person shall see, most urgent first",
    )  # fmt: skip
    passes = Query(
        "passes", {"type": "boolean", "default": False}, "only passes that were drawn by chance"
    )
    how_many = Query(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": quality.EXHIBITS_MAX, "default": 20},
        "how many at most",
    )
    changes, bodies = (401, 403, 404, 409), (400, 401, 403, 404, 409, 413, 415)
    return (
        Route("GET", f"{API}/inspections", READ, pages.inspections,
              "Visual inspections and how often they are wrong", quality.Inspections,
              refusals=(401,)),
        Route("GET", f"{API}/exhibits", READ, pages.exhibits, "Kept pictures, newest first",
              quality.Exhibits, queries=(how_many, before, station, waiting, passes),
              refusals=(400, 401, 404)),
        Route("GET", f"{API}/exhibits/{{id}}/picture", READ, pages.picture, "A kept picture",
              media="image/jpeg", refusals=(401, 404)),
        Route("POST", f"{API}/exhibits/{{id}}/answer", OPERATE, pages.answer,
              "A person says what the part was", Exhibit, quality.AnswerBody,
              refusals=(400, 401, 403, 404, 413, 415, 503)),
        Route("GET", one, READ, pages.commission, "How far commissioning is", CommissionView,
              refusals=(401, 404)),
        Route("GET", f"{one}/parts", READ, pages.parts,
              "Parts to learn from, the oddest good ones first", quality.PartList,
              refusals=(401, 404)),
        Route("GET", f"{one}/parts/{{part}}/picture", READ, pages.part_picture, "One part, small",
              media="image/jpeg", refusals=(401, 404)),
        Route("POST", f"{one}/parts/{{part}}/remove", OPERATE, pages.remove_part,
              "Learn from this part no more", CommissionView, refusals=(*changes, 503)),
        Route("POST", f"{one}/parts/{{part}}/put_back", OPERATE, pages.put_part_back,
              "Learn from this part again", CommissionView, refusals=(*changes, 503)),
        Route("GET", f"{API}/inspections/{{id}}/live", READ, pages.live,
              "What its camera shows of the region now", media="image/jpeg",
              refusals=(401, 404, 503)),
        Route("POST", f"{one}/collect", OPERATE, pages.collect, "Take parts to learn from",
              CommissionView, quality.CollectBody, refusals=bodies),
        Route("POST", f"{one}/pause", OPERATE, pages.pause,
              "Take no more parts for now, or end the learning", CommissionView,
              refusals=(401, 403, 404)),
        Route("POST", f"{one}/fit", OPERATE, pages.fit, "Learn from the parts", CommissionView,
              refusals=changes),
        Route("POST", f"{one}/save", OPERATE, pages.save,
              "Build a bundle for a false-stop rate and try it", CommissionView, quality.SaveBody,
              refusals=bodies),
        Route("POST", f"{one}/confirm", OPERATE, pages.confirm, "Put the bundle on trial in use",
              CommissionView, refusals=changes),
        Route("POST", f"{one}/roll_back", OPERATE, pages.roll_back,
              "Put the bundle before in use again", CommissionView, refusals=changes),
        Route("POST", f"{one}/drop", OPERATE, pages.drop, "Forget the parts", CommissionView,
              refusals=changes),
    )  # fmt: skip
