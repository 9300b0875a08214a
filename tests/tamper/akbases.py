"""The logs that forgeries begin with, made from a fixed number: every run makes the same bytes."""

from akbase import Secrets, b64, H
from akforge import MIXED, SECOND, Maker  # noqa: F401

CERTIFICATE = {"transport": "relp+tls", "listener": "relp+tls://0.0.0.0:2514",
               "identity": "certificate", "address": "192.0.2.7", "name": "fw1.example.org",
               "fingerprint": b64(H(b"certificate of fw1"))}
DATAGRAM = {"transport": "udp", "listener": "udp://0.0.0.0:514", "identity": "forgeable",
            "address": "198.51.100.23"}


def line(host, number):
    return (f"<134>1 2023-11-14T22:13:{number % 60:02d}.{number:06d}Z {host} sshd {number} - - "
            f"Accepted publickey for user{number * 7919 % 97} port {1024 + number * 31 % 60000}"
            ).encode()


def records(maker, source, host, count, every=5):
    """`count` records that came in reads of `every`."""
    for i in range(count):
        if i % every == 0:
            maker.tick()
        maker.record(source, line(host, maker.size))


def standard(name="example.org/agency", number=1, form=1):
    """Three sealed segments and an open one, two sources, events, states; all covered and signed."""
    secrets = Secrets(name, number)
    m = Maker(secrets, form=form)
    m.start()
    tls = m.declare(**CERTIFICATE)
    records(m, tls, "fw1", 290)
    m.commit()
    udp = m.declare(**DATAGRAM)
    records(m, udp, "sw9", 200)
    m.event("udp-drop", listener=DATAGRAM["listener"], count="17", since=str(m.now - SECOND),
            until=str(m.now))
    records(m, tls, "fw1", 180)
    m.commit()
    m.seal(reblock=280)
    odd_records(m, tls)
    records(m, tls, "fw1", 330)
    m.commit()
    records(m, udp, "sw9", 220)
    m.state()
    m.commit()
    m.seal()
    m.fragment(udp, b"<13>unfinished line of a conn")
    m.event("unfinished", "sender", source=udp, index=str(m.size - 1), kept="29")
    records(m, tls, "fw1", 500)
    m.commit()
    m.seal(reblock=310)
    records(m, udp, "sw9", 90)
    m.commit()
    m.state()
    records(m, tls, "fw1", 400)
    m.commit()
    m.stop()
    m.commit()
    return m.finish(), secrets


def big(number=4):
    """A sealed segment and an open one, each with one block of several Zstandard blocks whose last
    group is not whole."""
    secrets = Secrets("example.org/big", number)
    m = Maker(secrets, block_entries=6000)
    tls = m.declare(**CERTIFICATE)
    m.commit()
    records(m, tls, "fw1", 3610)
    m.commit()
    m.seal()
    m.commit()
    records(m, tls, "fw1", 3700, every=3)
    m.commit()
    return m.finish(), secrets


def odd_records(m, source):
    """Payloads that a careless reader trips over."""
    for payload in (b"", b"\n", b"two\nlines\n", bytes(range(256)), b"\x00" * 7, b"", b"x" * 5000,
                    "日本語 ログ".encode(), b"\r\n", b"\xff\xfe", b"=HYPERLINK(1)", b"\x1b[31m"):
        m.tick(7)
        m.record(source, payload)


def tiny(number=2, form=1):
    """The smallest log with one sealed and one open segment; every bit of it can be flipped."""
    secrets = Secrets("example.org/tiny", number, epochs=2)
    m = Maker(secrets, form=form)
    m.start()
    tls = m.declare(**CERTIFICATE)
    for i in range(5):
        m.tick()
        m.record(tls, b"record %d" % i)
    m.commit()
    m.seal()
    m.tick()
    m.record(tls, b"last record")
    m.stop()
    m.commit()
    return m.finish(), secrets


def epochs(number=8, numbers=(1, 2), form=1):
    """Several epochs: one begins within a block of a sealed segment, one in the open segment."""
    secrets = Secrets("example.org/epochs", number, epochs=6)
    m = Maker(secrets, form=form)
    m.start()
    tls = m.declare(**CERTIFICATE)
    records(m, tls, "fw1", 300)
    m.commit()
    records(m, tls, "fw1", 77)
    m.commit()
    m.rotate(numbers[0])
    m.state()
    records(m, tls, "fw1", 200)
    m.commit()
    records(m, tls, "fw1", 150)
    m.commit()
    m.seal(reblock=310)
    records(m, tls, "fw1", 140)
    m.commit()
    records(m, tls, "fw1", 9)
    m.rotate(numbers[1])
    m.state()
    records(m, tls, "fw1", 33)
    m.commit()
    records(m, tls, "fw1", 500)
    m.commit()
    return m.finish(), secrets


def bare(number=3):
    """A log of one entry: its start note."""
    secrets = Secrets("example.org/bare", number)
    m = Maker(secrets)
    m.commit()
    return m.finish(), secrets
