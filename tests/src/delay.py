"""Two tun devices, and a wire between them on which every packet takes a while.

delay.py DEVICE OTHER SECONDS

It says "ready" once both are there, and ends when its standard input does.
"""

import collections
import fcntl
import os
import select
import struct
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000


def tun(device):
    file = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(file, TUNSETIFF, struct.pack("16sH", device.encode(), IFF_TUN | IFF_NO_PI))
    return file


def read(file):
    try:
        return os.read(file, 65536)
    except (BlockingIOError, OSError):  # Nothing more, or the device is not up yet.
        return None


ends = [tun(sys.argv[1]), tun(sys.argv[2])]
delay = float(sys.argv[3])
waiting = collections.deque()
print("ready", flush=True)
while True:
    now = time.monotonic()
    while waiting and waiting[0][0] <= now:
        _, end, packet = waiting.popleft()
        os.write(ends[end], packet)
    timeout = max(0, waiting[0][0] - time.monotonic()) if waiting else 1
    readable = select.select(ends + [sys.stdin], [], [], timeout)[0]
    if sys.stdin in readable:
        break
    for file in readable:
        while (packet := read(file)) is not None:
            waiting.append((time.monotonic() + delay, 1 - ends.index(file), packet))
