"""The least that can answer over a broker: paho gives back what it hears. Run as a process.

``python echo.py PORT TOPIC ANSWER_TOPIC``
"""

from __future__ import annotations

import sys
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion


def main(port: int, topic: str, answer_topic: str) -> None:
    """Answer until killed."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="bench-echo")

    def on_connect(*_: Any) -> None:
        client.subscribe(topic, qos=0)

    def on_message(_client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        client.publish(answer_topic, message.payload)

    client.on_connect = on_connect
    client.on_message = on_message
    client.connect("127.0.0.1", port)
    client.loop_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
