"""The bare Python loop: pymodbus on asyncio and paho with QoS 1, nothing else."""

import asyncio
import json
import os
import time

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from pymodbus.client import AsyncModbusTcpClient

THRESHOLD = 500


async def main() -> None:
    """Poll, decide, act and publish for ever."""
    period_s = int(os.environ["POLL_MS"]) / 1000
    count = int(os.environ["NREGS"])
    broker = mqtt.Client(CallbackAPIVersion.VERSION2)
    broker.max_inflight_messages_set(100)
    broker.reconnect_delay_set(1, 2)
    broker.connect_async("127.0.0.1", int(os.environ["MQTT_PORT"]))
    broker.loop_start()
    plc = AsyncModbusTcpClient("127.0.0.1", port=int(os.environ["MB_PORT"]))
    await plc.connect()
    coil = None
    due_s = time.monotonic()
    while True:
        registers = (await plc.read_holding_registers(0, count=count)).registers
        wanted = registers[2] > THRESHOLD
        if wanted != coil:
            await plc.write_coil(0, wanted)
            coil = wanted
        reading = {"seq": registers[0] | registers[1] << 16, "value": registers[2]}
        broker.publish("edge/reading", json.dumps(reading), qos=1)
        due_s += period_s
        await asyncio.sleep(max(0, due_s - time.monotonic()))


if __name__ == "__main__":
    asyncio.run(main())
