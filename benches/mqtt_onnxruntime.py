"""A service like cirame-edge, as a Python user writes it: paho-mqtt and onnxruntime.

    python benches/mqtt_onnxruntime.py FILE PORT PREFIX

Takes tables from PREFIX/samples/STREAM, cuts windows of the model's length, and publishes the class of each on
PREFIX/devices/python/results/STREAM. All messages that wait are answered in one call of onnxruntime, which is where
batches help. Prints `ready` once it is subscribed.
"""

import json
import queue
import sys

import numpy as np
import onnxruntime
import paho.mqtt.client as mqtt

MODEL, PORT, PREFIX = sys.argv[1], int(sys.argv[2]), sys.argv[3]
BATCH_MAX = 64

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(MODEL, options, providers=["CPUExecutionProvider"])
manifest = json.loads(session.get_modelmeta().custom_metadata_map["cirame.manifest"])
channels = [channel["name"] for channel in manifest["pipeline"]["channels"]]
length = manifest["pipeline"]["window"]["length_samples"]
classes = manifest["classes"]
name = session.get_inputs()[0].name

waiting = queue.SimpleQueue()
rate_hz = manifest["pipeline"]["rate"]["fixed"]["hz"]
rest = {}


def windows(topic, payload):
    """The windows that a message completes, with the times at which they start."""
    table = json.loads(payload)
    values = np.asarray(table["values"], np.float32)
    if table["channels"] != channels:
        values = values[:, [table["channels"].index(channel) for channel in channels]]
    stream, start_ns = topic.rsplit("/", 1)[1], table["t_ns"]
    before = rest.get(stream)
    if before is not None and len(before):
        start_ns -= int(len(before) * 1e9 / rate_hz)
        values = np.concatenate([before, values])
    while len(values) >= length:
        yield stream, f"{np.datetime64(start_ns, 'ns')}Z", values[:length]
        values = values[length:]
        start_ns += int(length * 1e9 / rate_hz)
    rest[stream] = values


client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "python-service")
client.on_message = lambda client, data, message: waiting.put((message.topic, message.payload))
client.on_subscribe = lambda *_: print("ready", flush=True)
client.connect("127.0.0.1", PORT)
client.subscribe(f"{PREFIX}/samples/+", 0)
client.loop_start()
while True:
    messages = [waiting.get()]
    while len(messages) < BATCH_MAX:
        try:
            messages.append(waiting.get_nowait())
        except queue.Empty:
            break
    complete = [window for message in messages for window in windows(*message)]
    if not complete:
        continue
    probabilities, labels = session.run(["probabilities", "label"], {name: np.stack([values for _, _, values in complete])})
    for (stream, start, _), chances, label in zip(complete, probabilities.tolist(), labels.tolist()):
        result = {"stream": stream, "start": start, "class": classes[label], "probabilities": dict(zip(classes, chances))}
        client.publish(f"{PREFIX}/devices/python/results/{stream}", json.dumps(result), 1)
