"""Processes with sockets, of all kinds. Runs one scenario, and writes an end a line, as JSON: what a socket's process
itself knows. "pid" is null where several processes share an end, so that nobody can be named."""
import array, json, os, select, signal, socket, struct, subprocess, sys, threading, time, traceback

TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58


def now():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def tell(protocol, local, remote, pid, first, last):
    def end(address):
        host = address[0].removeprefix("::ffff:") if "." in address[0] else address[0]
        return [host, address[1] or None]

    line = {"protocol": protocol, "local": end(local), "remote": end(remote), "pid": pid, "first": first, "last": last}
    os.write(1, (json.dumps(line) + "\n").encode())


def told(protocol, connection, first, pid=None):
    tell(protocol, connection.getsockname(), connection.getpeername(), pid or os.getpid(), first, now())


def child(work):
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return pid


def reap(*pids):
    for pid in pids:
        assert os.waitpid(pid, 0)[1] == 0, "a process failed"


def listen(family, host, port=0, reuse=False):
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if reuse:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((host, port))
    listener.listen(1024)
    return listener


def client(family, address):
    """Lives for some milliseconds."""
    first = now()
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.connect(address)
        connection.sendall(b"question")
        assert connection.recv(100) == b"answer"
        told(TCP, connection, first)


def serve(connection, first=None):
    first = first or now()
    assert connection.recv(100) == b"question"
    connection.sendall(b"answer")
    told(TCP, connection, first)
    connection.close()


PLACES = [
    (socket.AF_INET, "127.0.0.1", socket.AF_INET, "127.0.0.1"),
    (socket.AF_INET6, "::1", socket.AF_INET6, "::1"),
    # IPv4 in sockets of IPv6: at the server, at both ends.
    (socket.AF_INET6, "::", socket.AF_INET, "127.0.0.1"),
    (socket.AF_INET6, "::", socket.AF_INET6, "::ffff:127.0.0.1"),
]


def forking(count):
    """A child for each connection; the parent only accepts. So does each client's."""
    for server_family, server_host, client_family, host in PLACES:
        with listen(server_family, server_host) as listener:
            port = listener.getsockname()[1]
            for _ in range(int(count)):
                asking = child(lambda: client(client_family, (host, port)))
                connection, _ = listener.accept()
                answering = child(lambda: serve(connection))
                connection.close()
                reap(asking, answering)


def prefork(count):
    """Workers that accept from one socket."""
    with listen(socket.AF_INET, "127.0.0.1") as listener:
        share = int(count) // 4

        def work():
            for _ in range(share):
                serve(listener.accept()[0])

        workers = [child(work) for _ in range(4)]
        for _ in range(4 * share):
            reap(child(lambda: client(socket.AF_INET, listener.getsockname())))
        reap(*workers)


def reuseport(count):
    """Workers with a listening socket each, at one port."""
    with listen(socket.AF_INET, "127.0.0.1", reuse=True) as first:
        address = first.getsockname()

        def work(listener):
            while select.select([listener], [], [], 1)[0]:
                serve(listener.accept()[0])

        others = [listen(socket.AF_INET, "127.0.0.1", address[1], True) for _ in range(3)]
        workers = [child(lambda: work(listener)) for listener in [first, *others]]
        for _ in range(int(count)):
            reap(child(lambda: client(socket.AF_INET, address)))
        reap(*workers)


def threads(count):
    """One process is both ends, each in a thread."""
    with listen(socket.AF_INET, "127.0.0.1") as listener:
        for _ in range(int(count)):
            asking = threading.Thread(target=client, args=(socket.AF_INET, listener.getsockname()))
            asking.start()
            answering = threading.Thread(target=serve, args=(listener.accept()[0],))
            answering.start()
            asking.join()
            answering.join()


def passing(count):
    """One process accepts, and passes the descriptor on; in every second connection it looks at the question first."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def work():
        for _ in range(int(count)):
            data, control, _, _ = far.recvmsg(8, socket.CMSG_SPACE(4))
            descriptor = array.array("i", control[0][2][:4])[0]
            connection = socket.socket(fileno=descriptor)
            serve(connection, struct.unpack("q", data)[0])

    worker = child(work)
    with listen(socket.AF_INET, "127.0.0.1") as listener:
        for number in range(int(count)):
            first = now()
            asking = child(lambda: client(socket.AF_INET, listener.getsockname()))
            connection, _ = listener.accept()
            if number % 2:
                assert connection.recv(100, socket.MSG_PEEK) == b"question"
            socket.send_fds(near, [struct.pack("q", first)], [connection.fileno()])
            connection.close()
            reap(asking)
    reap(worker)


def unused(_):
    """Connections by which nothing is sent: refused, or closed by both at once; one is accepted when its client is gone."""
    with listen(socket.AF_INET, "127.0.0.1") as listener:
        free = listen(socket.AF_INET, "127.0.0.1")
        address = free.getsockname()
        free.close()

        def refused():
            first = now()
            with socket.socket() as connection:
                connection.bind(("127.0.0.1", 0))
                local = connection.getsockname()
                assert connection.connect_ex(address) != 0
                tell(TCP, local, address, os.getpid(), first, now())

        def silent():
            first = now()
            with socket.socket() as connection:
                connection.connect(listener.getsockname())
                told(TCP, connection, first)

        reap(child(refused), child(silent))
        last = now()
        time.sleep(1.2)
        connection, peer = listener.accept()
        tell(TCP, connection.getsockname(), peer, os.getpid(), last - 1_000_000, last)
        connection.close()


def udp(count):
    """Sockets that are connected and not, at both ends, of short-lived processes."""
    for number in range(int(count)):
        family, host = [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")][number % 2]
        any_host = ["", "::"][number % 2]
        with socket.socket(family, socket.SOCK_DGRAM) as server:
            server.bind((any_host if number % 4 < 2 else host, 0))
            address = (host, server.getsockname()[1])

            def ask():
                first = now()
                with socket.socket(family, socket.SOCK_DGRAM) as connection:
                    if number % 3 == 0:
                        connection.connect(address)
                        connection.send(b"question")
                    else:
                        connection.sendto(b"question", address)
                    assert connection.recv(100) == b"answer"
                    tell(UDP, (host, connection.getsockname()[1]), address, os.getpid(), first, now())

            first = now()
            asking = child(ask)
            _, peer = server.recvfrom(100)
            if number % 5 == 0:
                server.connect(peer)
                server.send(b"answer")
            else:
                server.sendto(b"answer", peer)
            tell(UDP, address, peer, os.getpid(), first, now())
            reap(asking)


def udp_shared(_):
    """Several processes at one port: each with a socket of its own, or in turns with one."""
    sockets = []
    port = 0
    for _ in range(2):
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        server.bind(("127.0.0.1", port))
        port = server.getsockname()[1]
        sockets.append(server)
    first = now()

    def use(server):
        server.sendto(b"x", ("127.0.0.1", 9))
        time.sleep(0.3)

    reap(*[child(lambda: use(server)) for server in sockets])
    tell(UDP, ("127.0.0.1", port), ("127.0.0.1", 9), None, first, now())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as shared:
        shared.bind(("127.0.0.1", 0))
        first = now()
        for _ in range(20):
            reap(child(lambda: shared.sendto(b"x", ("127.0.0.1", 9))))
            shared.sendto(b"x", ("127.0.0.1", 9))
        tell(UDP, shared.getsockname(), ("127.0.0.1", 9), None, first, now())


def reconnected(_):
    """One UDP socket that talks to one peer after another, and a port that is used by one process after another."""
    servers = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3)]
    for server in servers:
        server.bind(("127.0.0.1", 0))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.bind(("127.0.0.1", 0))
        for server in servers:
            first = now()
            asking.connect(server.getsockname())
            asking.send(b"x")
            told(UDP, asking, first)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def again():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
            connection.bind(("127.0.0.1", port))
            connection.connect(servers[0].getsockname())
            first = now()
            connection.send(b"x")
            told(UDP, connection, first)

    for _ in range(20):
        reap(child(again))


def many_calls(_):
    """All the ways to send and receive; one end is another kind of call's."""
    with listen(socket.AF_INET, "127.0.0.1") as listener:

        def answer(connection):
            first = now()
            with open("/proc/self/exe", "rb") as file:
                os.sendfile(connection.fileno(), file.fileno(), 0, 100)
            # What is unread at the end would reset the connection.
            connection.recv(100)
            told(TCP, connection, first)

        for send in [
            lambda connection: os.write(connection.fileno(), b"x"),
            lambda connection: os.writev(connection.fileno(), [b"x", b"y"]),
            lambda connection: connection.sendmsg([b"x"]),
            lambda connection: connection.send(b"x", socket.MSG_DONTWAIT),
        ]:

            def ask():
                first = now()
                with socket.create_connection(listener.getsockname()) as connection:
                    send(connection)
                    assert os.read(connection.fileno(), 100)
                    told(TCP, connection, first)

            asking = child(ask)
            connection, _ = listener.accept()
            answering = child(lambda: answer(connection))
            connection.close()
            reap(asking, answering)


def ping(_):
    """The real one, four times at most; the kernel answers."""
    for host, protocol in [("127.0.0.1", ICMP), ("::1", ICMP6)]:
        for _ in range(2):
            first = now()
            process = subprocess.Popen(["ping", "-n", "-c", "1", host], stdout=subprocess.DEVNULL)
            assert process.wait() == 0
            tell(protocol, (host, 0), (host, 0), process.pid, first, now())
            time.sleep(1.2)
    # Two at once: nobody can say whose it is.
    first = now()
    both = [subprocess.Popen(["ping", "-n", "-c", "2", "-i", "0.2", "127.0.0.1"], stdout=subprocess.DEVNULL) for _ in range(2)]
    for process in both:
        assert process.wait() == 0
    tell(ICMP, ("127.0.0.1", 0), ("127.0.0.1", 0), None, first, now())


def raw(_):
    def send():
        first = now()
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, 253) as connection:
            connection.sendto(b"experiment", ("127.0.0.1", 0))
            tell(253, ("127.0.0.1", 0), ("127.0.0.1", 0), os.getpid(), first, now())

    reap(child(send))


def curl(count):
    """A real client, and a server that answers by threads."""
    with listen(socket.AF_INET, "127.0.0.1") as listener:
        for _ in range(int(count)):
            first = now()
            address = "http://127.0.0.1:%d/" % listener.getsockname()[1]
            process = subprocess.Popen(["curl", "-s", "-o", "/dev/null", address])
            connection, peer = listener.accept()
            assert connection.recv(1000)
            connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok")
            connection.close()
            assert process.wait() == 0
            local = listener.getsockname()
            tell(TCP, peer, local, process.pid, first, now())
            tell(TCP, local, peer, os.getpid(), first, now())


def early(_):
    """What is there before anybody looks: connections, idle and not, one that two processes have; servers."""
    first = now()
    listener = listen(socket.AF_INET, "127.0.0.1")
    near, far, shared = [socket.create_connection(listener.getsockname()) for _ in range(3)]
    accepted = [listener.accept()[0] for _ in range(3)]
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("0.0.0.0", 0))
    connected = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    connected.connect(("::1", 9))
    raw_socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, 254)

    def hold():
        for other in [listener, near, far, server, connected, raw_socket, *accepted]:
            other.close()
        print("ready", flush=True)
        signal.pause()

    holder = child(hold)
    far.sendall(b"x")
    sys.stdin.readline()
    for connection in [near, far, *accepted]:
        told(TCP, connection, first)
    tell(TCP, shared.getsockname(), shared.getpeername(), None, first, now())
    told(UDP, connected, first)
    tell(UDP, ("127.0.0.1", server.getsockname()[1]), ("127.0.0.1", 9), os.getpid(), first, now())
    tell(254, ("127.0.0.1", 0), ("127.0.0.1", 0), os.getpid(), first, now())
    print("told", flush=True)
    sys.stdin.readline()
    # Who uses it now is its owner.
    first = now()
    shared.sendall(b"x")
    told(TCP, shared, first)
    os.kill(holder, signal.SIGKILL)


globals()[sys.argv[1]](*sys.argv[2:] or [0])
