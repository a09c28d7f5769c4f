"""What a service tells its manager: ready when it serves, alive as often as it was asked, stopping at its end. As sd_notify(3) has it, by
a socket with a path and by an abstract one.   notify_test.py BIN_DIR"""
import itertools
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading

BIN = sys.argv[1]


def words_of(name, address, command, until):
    """Runs the command, ends it by SIGTERM once `until` words of life have come, and gives all words."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    server.bind(address)
    server.settimeout(20)
    environment = {**os.environ, "NOTIFY_SOCKET": address.replace("\0", "@"), "WATCHDOG_USEC": "200000"}
    service = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    words = []
    try:
        while words.count("WATCHDOG=1") < until:
            words.append(server.recv(100).decode())
        service.send_signal(signal.SIGTERM)
        while "STOPPING=1" not in words:
            words.append(server.recv(100).decode())
    except socket.timeout:
        service.kill()
        raise AssertionError(f"{name}: only {words}; {service.stderr.read().decode()}") from None
    assert service.wait(20) == 0, f"{name}: {service.returncode}"
    assert words[0] == "READY=1" and words.count("READY=1") == words.count("STOPPING=1") == 1, f"{name}: {words}"
    server.close()


def main():
    with tempfile.TemporaryDirectory() as work:
        data, model, fifo = os.path.join(work, "data"), os.path.join(work, "model"), os.path.join(work, "fifo")
        for command in [["make_dataset", "--users", "60", "--items", "100", "--seed", "1", "--out", data],
                        ["solid_train", "--data", data + "/events.jsonl", "--width", "8", "--codes", "4", "--epochs", "1", "--threads", "1", "--out", model]]:
            subprocess.run([os.path.join(BIN, command[0]), *command[1:]], stdout=subprocess.DEVNULL, check=True)
        serve = [os.path.join(BIN, "solid_serve"), "--model", model, "--listen", "127.0.0.1:0", "--threads", "1"]
        if os.path.exists(serve[0]):
            words_of("serve", os.path.join(work, "socket"), serve, 3)
            words_of("serve, abstract", f"\0solid-notify-{os.getpid()}", serve, 2)
        os.mkfifo(fifo)
        writer = os.open(fifo, os.O_RDWR)  # it stays open: the service waits for more
        ingestd = [os.path.join(BIN, "solid_ingestd"), "--model", model, "--store", "memory", "--from-file", fifo, "--batch-size", "16", "--threads", "1"]
        with open(data + "/events.jsonl", "rb") as file:
            lines = file.readlines()
        over = threading.Event()

        def write():
            for line in itertools.cycle(lines):
                os.write(writer, line)
                if over.wait(0.02):
                    return

        source = threading.Thread(target=write)
        source.start()
        try:
            words_of("ingestd", os.path.join(work, "other"), ingestd, 2)
        finally:
            over.set()
            source.join()
            os.close(writer)
    print("notify: ready, alive, stopping")


main()
