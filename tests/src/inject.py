"""Puts lines of hexadecimal from standard input on an interface.

inject.py packet DEV   as Ethernet frames
inject.py tun DEV      as IP packets that a tun device of this name, which it makes, takes in

It says "ready" once it can. At the end of its input it says how many packets and bytes a tun device gave back.
"""

import fcntl
import os
import socket
import struct
import sys
import threading

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
got = [0, 0]


def packet(device):
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    link.bind((device, 0))
    return link.send


def tun(device):
    file = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(file, TUNSETIFF, struct.pack("16sH", device.encode(), IFF_TUN | IFF_NO_PI))
    threading.Thread(target=give_back, args=(file,), daemon=True).start()
    return lambda data: os.write(file, data)


def give_back(file):
    while True:
        try:
            data = os.read(file, 65536)
        except OSError:  # The device is not up yet.
            continue
        got[0] += 1
        got[1] += len(data)


send = {"packet": packet, "tun": tun}[sys.argv[1]](sys.argv[2])
print("ready", flush=True)
for line in sys.stdin:
    data = bytes.fromhex(line)
    if send(data) != len(data):
        sys.exit("not all of a packet was taken")
    print("sent", flush=True)
print(*got, flush=True)
