#!/usr/bin/env python3
"""Answers every ping with a pong. Standard library only: one line of JSON is one message."""

import json
import os
import signal
import socket
import sys

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

connection = socket.socket(socket.AF_UNIX)
connection.connect(os.environ["ORCH_IPC_SOCKET"])
lines = connection.makefile("r", encoding="utf-8", newline="\n")


def send(message):
    connection.sendall((json.dumps(message) + "\n").encode())


# whoever only listens must say something too, so that it is known what it speaks
send({"ready": True})
for line in lines:
    message = json.loads(line)
    if message.get("type") == "Ping":
        seq = message["data"]["seq"]
        send({"type": "Pong", "data": {"seq": seq}})
        print(f"pong {seq}", flush=True)
    elif "error" in message or "dropped" in message:
        print(line, end="", file=sys.stderr, flush=True)
