"""Writes messages.json: what a Sparkplug B node and its device publish, as pysparkplug encodes it.

    python -m venv V && V/bin/pip install pysparkplug==0.6.1 && V/bin/python messages.py

An environment of its own, because pysparkplug wants an older paho-mqtt than the other scripts.
"""

import json
from pathlib import Path

from pysparkplug import DataType, DBirth, DData, DDeath, MessageType, Metric, NBirth, NCmd, NData, NDeath, Topic

START_MS = 1_767_225_600_000
messages = []


def metric(name, datatype, value, alias=None, after_ms=0, **more):
    return Metric(timestamp=START_MS + after_ms, name=name, datatype=datatype, value=value, alias=alias, **more)


def publish(kind, payload, device=None, types=False):
    topic = Topic(message_type=kind, group_id="plant", edge_node_id="press", device_id=device)
    messages.append({"topic": str(topic), "payload": payload.encode(include_dtypes=types).hex()})


def values(alias):
    """One metric of every type, with the numbers that are easiest to get wrong."""
    number = iter(range(alias, alias + 100))
    return [
        metric("int8", DataType.INT8, -128, next(number)),
        metric("int16", DataType.INT16, -2, next(number)),
        metric("int32", DataType.INT32, -3, next(number)),
        metric("int64", DataType.INT64, -4, next(number)),
        metric("uint8", DataType.UINT8, 255, next(number)),
        metric("uint16", DataType.UINT16, 65535, next(number)),
        metric("uint32", DataType.UINT32, 4294967295, next(number)),
        metric("uint64", DataType.UINT64, 1 << 40, next(number)),
        metric("float", DataType.FLOAT, 1.5, next(number)),
        metric("double", DataType.DOUBLE, -2.25, next(number)),
        metric("on", DataType.BOOLEAN, True, next(number)),
        metric("text", DataType.STRING, "warm", next(number)),
        metric("bytes", DataType.BYTES, b"\x01\x02", next(number)),
        metric("none", DataType.FLOAT, None, next(number), is_null=True),
    ]


def main() -> None:
    births = metric("bdSeq", DataType.INT64, 7)
    rebirth = metric("Node Control/Rebirth", DataType.BOOLEAN, False)
    publish(MessageType.NBIRTH, NBirth(timestamp=START_MS, seq=0, metrics=(births, rebirth, metric("load", DataType.DOUBLE, 0.5, 1))))
    publish(MessageType.DBIRTH, DBirth(timestamp=START_MS, seq=1, metrics=tuple(values(100))), "motor")
    # By aliases alone, without names and types, at times of their own.
    speed = Metric(timestamp=START_MS + 20, name=None, datatype=DataType.INT8, value=-5, alias=100)
    heat = Metric(timestamp=START_MS + 20, name=None, datatype=DataType.FLOAT, value=36.5, alias=108)
    publish(MessageType.DDATA, DData(timestamp=START_MS + 25, seq=2, metrics=(speed, heat)), "motor")
    # By name, without a time of its own; and one that was measured before.
    load = Metric(timestamp=None, name="load", datatype=DataType.DOUBLE, value=0.75)
    late = metric("load", DataType.DOUBLE, 0.6, after_ms=10, is_historical=True)
    publish(MessageType.NDATA, NData(timestamp=START_MS + 30, seq=3, metrics=(load, late)))
    publish(MessageType.DDEATH, DDeath(timestamp=START_MS + 40, seq=4), "motor")
    publish(MessageType.NDEATH, NDeath(timestamp=START_MS + 50, bd_seq_metric=births))
    ask = Metric(timestamp=START_MS, name="Node Control/Rebirth", datatype=DataType.BOOLEAN, value=True)
    publish(MessageType.NCMD, NCmd(timestamp=START_MS, metrics=(ask,)), types=True)
    path = Path(__file__).with_name("messages.json")
    path.write_text(json.dumps(messages, indent=1) + "\n")


if __name__ == "__main__":
    main()
