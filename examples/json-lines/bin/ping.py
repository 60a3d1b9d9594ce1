#!/usr/bin/env python3
"""Sends a ping twice a second and says which pongs come back. Standard library only: one line of JSON is one message."""

import json
import os
import signal
import socket
import sys
import threading
import time

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

connection = socket.socket(socket.AF_UNIX)
connection.connect(os.environ["ORCH_IPC_SOCKET"])
lines = connection.makefile("r", encoding="utf-8", newline="\n")


def send(message):
    connection.sendall((json.dumps(message) + "\n").encode())


def receive():
    for line in lines:
        message = json.loads(line)
        if message.get("type") == "Pong":
            print(f"pong {message['data']['seq']} from {message['from']}", flush=True)
        elif "error" in message or "dropped" in message:
            print(line, end="", file=sys.stderr, flush=True)


threading.Thread(target=receive, daemon=True).start()
send({"ready": True})
seq = 0
while True:
    seq += 1
    send({"type": "Ping", "data": {"seq": seq}})
    print(f"ping {seq}", flush=True)
    time.sleep(0.5)
