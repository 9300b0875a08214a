#!/usr/bin/env python3
"""shippers_real.py COLLECTOR VERIFY SHARED PEERS: unmodified shippers, byte for byte.

rsyslog (omfwd over UDP, TCP with both framings and TLS with both drivers; omrelp, plain and with TLS),
syslog-ng (network() and syslog(), TCP and TLS), loggen and logger. Each ships lines of a file; what it
was given, or what it says itself that it sent (its own file output, logger --stderr), is what must be
in the log. PEERS is tests/peers, which unpacks the shippers.
"""
import os
import re
import subprocess
import sys

import transport_kit as kit

MADE = [
    "<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8".encode(),
    b"a line that has no header at all", b"<13>with trailing blanks   ", b"<13>tab\there",
    b"<13>bytes of no text: \x01\x02\x1b[31m\x7f\x80\xfe\xff", b"<13>a CR at the end\r",
    "<38>1 2026-03-05T08:15:42+09:00 gw01 sshd - - - ユーザー 山田太郎".encode("utf-8"),
    b"<38>Mar  5 08:15:42 gw01 sshd: " + "山田太郎 の認証に失敗しました".encode("shift_jis"),
    b"<38>Mar  5 08:15:42 gw01 sshd: " + "山田太郎 の認証に失敗しました".encode("euc_jp"),
    b"<38>Mar  5 08:15:42 gw01 sshd: " + "山田太郎 の認証に失敗しました".encode("iso2022_jp"),
    b"<13>" + b"long " * 1600, b"12 looks like a count", b"{\"a\": 1}",
]
TLS_NAMES = ("ossl", "gtls")


# Over UDP nobody holds back, so no more is sent there at once than the smallest receive buffer takes.
UDP_LINES = 200


def feed(data):
    """The lines that are shipped."""
    lines = list(MADE)
    if data:
        for name, most in (("OpenSSH_2k.log", 400), ("Linux_2k.log", 400), ("Windows_2k.log", 200),
                           ("HDFS_2k.log", 200)):
            with open(os.path.join(data, "loghub", name), "rb") as f:
                lines += [x for x in f.read().split(b"\n")[:most] if x]
    else:
        lines += [b"<13>Mar  5 08:15:42 host app: message %d" % i for i in range(1000)]
    return lines


def peers(script):
    done = subprocess.run([script], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode == 77:
        kit.skip("no shippers here (tests/peers)")
    if done.returncode != 0:
        kit.fail("tests/peers failed")
        kit.finish()
    return dict(re.findall(r"(?:export )?(\w+)='?([^'\n;]*)'?", done.stdout))


def rsyslog_conf(work, pki, urls, source, short):
    """One action for each transport, all with the line as it is; omrelp's TLS once for each library."""
    def action(kind, url, more):
        host, port = kit.host_port(url)
        return ('action(type="%s" target="%s" port="%d" template="line" %s)\n' %
                (kind, host, port, more))

    tls_files = 'streamDriver.CAFile="{0}/ca.pem" streamDriver.CertFile="{0}/power-a.pem" ' \
        'streamDriver.KeyFile="{0}/power-a.key"'.format(pki)
    conf = '''global(workDirectory="%s" maxMessageSize="64k" parser.escapeControlCharactersOnReceive="off")
module(load="imfile" mode="inotify")
module(load="omrelp" tls.tlslib="openssl")
template(name="line" type="string" string="%%msg%%")
input(type="imfile" File="%s" Tag="x" addMetadata="off")
input(type="imfile" File="%s" Tag="x" addMetadata="off" ruleset="short")
''' % (work, source, short)
    conf += 'ruleset(name="short") { %s }\n' % action("omfwd", urls["udp"], 'protocol="udp"')
    conf += action("omfwd", urls["tcp"], 'protocol="tcp" TCP_Framing="traditional"')
    conf += action("omfwd", urls["counted"], 'protocol="tcp" TCP_Framing="octet-counted"')
    for driver in TLS_NAMES:
        conf += action("omfwd", urls[driver], 'protocol="tcp" TCP_Framing="octet-counted" '
                       'streamDriver="%s" streamDriverMode="1" streamDriverAuthMode="x509/name" '
                       'streamDriverPermittedPeers="localhost" %s' % (driver, tls_files))
    conf += action("omrelp", urls["relp"], "")
    conf += action("omrelp", urls["relp+tls"],
                   'tls="on" tls.caCert="{0}/ca.pem" tls.myCert="{0}/power-a.pem" '
                   'tls.myPrivKey="{0}/power-a.key" tls.authMode="name" '
                   'tls.permittedPeer=["localhost"]'.format(pki))
    return conf


def syslog_ng_conf(work, pki, urls, source):
    """Four destinations, and a file that says what each message was."""
    def destination(name, driver, url, more):
        host, port = kit.host_port(url)
        return 'destination %s { %s("%s" port(%d) persist-name("%s") %s); };\n' % (
            name, driver, host, port, name, more)

    def tls(name):
        return 'transport("tls") tls(ca-file("{0}/ca.pem") cert-file("{0}/{1}.pem") ' \
            'key-file("{0}/{1}.key") peer-verify(required-trusted))'.format(pki, name)

    line = 'template("$MSG\\n") template-escape(no)'
    return '''@version: 3.38
options { log-msg-size(65536); stats-freq(0); flush-lines(1); };
source s { file("%s" flags(no-parse) follow-freq(0.2)); };
destination wrote { file("%s/network.out" %s); };
destination wrote_new { file("%s/syslog.out" flags(syslog-protocol)); };
''' % (source, work, line, work) + \
        destination("d1", "network", urls["ng-network"], 'transport("tcp") ' + line) + \
        destination("d2", "network", urls["ng-tls"], tls("power-a") + " " + line) + \
        destination("d3", "syslog", urls["ng-syslog"], 'transport("tcp")') + \
        destination("d4", "syslog", urls["ng-tls"], tls("water-b")) + \
        "log { source(s); destination(wrote); destination(wrote_new); destination(d1); " \
        "destination(d2); destination(d3); destination(d4); };\n"


class Shipper:
    """A daemon of others, and what it says."""

    def __init__(self, command, log):
        self.log = log
        with open(log, "wb") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)

    def stop(self, name):
        """Orderly, so that it ends its connections as it does."""
        self.process.terminate()
        try:
            self.process.wait(kit.PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            kit.fail("%s did not end" % name)


def read_lines(path):
    with open(path, "rb") as f:
        return f.read().split(b"\n")[:-1]


def ship_with_daemons(tools, work, pki, urls, source, short, collector, expected):
    conf = os.path.join(work, "rsyslog.conf")
    with open(conf, "w", encoding="utf-8") as f:
        f.write(rsyslog_conf(work, pki, urls, source, short))
    rsyslog = Shipper([tools["RSYSLOGD"], "-n", "-f", conf, "-i", os.path.join(work, "r.pid")],
                      os.path.join(work, "rsyslog.log"))
    conf = os.path.join(work, "ng.conf")
    with open(conf, "w", encoding="utf-8") as f:
        f.write(syslog_ng_conf(work, pki, urls, source))
    ng = Shipper([tools["SYSLOG_NG"], "-F", "--no-caps", "-f", conf, "-R", os.path.join(work, "ng.persist"),
                  "-p", os.path.join(work, "ng.pid"), "-c", os.path.join(work, "ng.ctl")],
                 os.path.join(work, "ng.log"))
    try:
        kit.until("all has arrived", lambda: collector.records() >= expected or
                  rsyslog.process.poll() is not None or ng.process.poll() is not None)
    except TimeoutError as error:
        kit.fail("%s: %d of %d; rsyslogd: %s; syslog-ng: %s" % (
            error, collector.records(), expected, open(rsyslog.log, "rb").read()[-2000:],
            open(ng.log, "rb").read()[-2000:]))
    rsyslog.stop("rsyslogd")
    ng.stop("syslog-ng")


def ship_with_tools(tools, pki, urls, source, short, unix):
    """What ends by itself. Gives {listener: what was sent}."""
    def run(*command, **options):
        done = subprocess.run(command, capture_output=True, timeout=kit.PATIENCE, check=False,
                              **options)
        kit.check(done.returncode == 0, "%s: exit status %d: %s" %
                  (command, done.returncode, done.stderr[-500:]))
        return done

    def logger(framing, *options, lines=source):
        done = run("logger", "--stderr", "-t", "test", "-p", "auth.warning", "--size", "64k",
                   *options, "-f", lines)
        said = done.stderr
        if framing == "lines":
            return said.split(b"\n")[:-1]
        out = []
        while said:
            m = re.match(rb"(\d+) ", said)
            n = int(m.group(1))
            out.append(said[m.end():m.end() + n])
            said = said[m.end() + n:].lstrip(b"\n")
        return out

    def net(name):
        host, port = kit.host_port(urls[name])
        return ["-n", host, "-P", str(port)]

    sent = {
        "logger-tcp": logger("lines", "--tcp", *net("logger-tcp")),
        "logger-counted": logger("counted", "--tcp", "--octet-count", *net("logger-counted")),
        "logger-old": logger("lines", "--tcp", "--rfc3164", *net("logger-old")),
        "logger-udp": logger("lines", "--udp", "--rfc5424", *net("logger-udp"), lines=short),
        "unix": logger("lines", "--socket-errors=on", "-u", unix),
    }

    def loggen(name, *options, lines=source):
        host, port = kit.host_port(urls[name])
        number = str(len(read_lines(lines)))
        run(tools["LOGGEN"], "--quiet", "--rate", "100000", "--interval", "60", "--number", number,
            *options, host, str(port))

    loggen("loggen", "--inet", "--stream", "--read-file", source, "--dont-parse")
    loggen("loggen-udp", "--inet", "--dgram", "--read-file", short, "--dont-parse", lines=short)
    loggen("loggen-tls", "--use-ssl", "--read-file", source, "--dont-parse")
    loggen("loggen-made", "--inet", "--stream", "--syslog-proto", "--size", "300")
    return sent


def main():
    programs = sys.argv[1:3]
    data = kit.shared(sys.argv[3])
    tools = peers(sys.argv[4])
    work = kit.workspace()
    pki = kit.certificates(os.path.join(work, "pki"))
    lines = feed(data)
    source = os.path.join(work, "source")
    with open(source, "wb") as f:
        f.write(kit.lines(lines))
    short = os.path.join(work, "short")
    with open(short, "wb") as f:
        f.write(kit.lines(lines[:UDP_LINES]))
    tls = kit.tls_block(pki)
    names = [  # each with a listener of its own
        ("udp", "udp"), ("tcp", "tcp"), ("counted", "tcp"), ("ossl", "tls"), ("gtls", "tls"),
        ("relp", "relp"), ("relp+tls", "relp+tls"), ("ng-network", "tcp"), ("ng-tls", "tls"),
        ("ng-syslog", "tcp"), ("logger-tcp", "tcp"),
        ("logger-counted", "tcp"), ("logger-old", "tcp"), ("logger-udp", "udp"), ("loggen", "tcp"),
        ("loggen-udp", "udp"), ("loggen-tls", "tls"), ("loggen-made", "tcp"),
    ]
    listeners, configured = [], {}
    for i, (name, transport) in enumerate(names):
        # syslog-ng compares the address with the names of the certificate.
        configured[name] = "%s://127.0.0.%d:0" % (transport, 1 if name == "ng-tls" else i + 2)
        block = tls if transport in ("tls", "relp+tls") else ""
        if name == "loggen-tls":  # it has no certificate
            block = "tls: {certificate: %s/server.pem, key: %s/server.key, authentication: none}" % (
                pki, pki)
        listeners.append("url: %s\n%s" % (configured[name], block))
    unix = os.path.join(work, "log")
    listeners.append("url: unix://" + unix)
    configured["unix"] = "unix://" + unix
    collector = kit.Collector(programs, os.path.join(work, "c"), listeners)
    urls = dict(zip([n for n, _ in names], collector.urls))

    sent = ship_with_tools(tools, pki, urls, source, short, unix)
    ship_with_daemons(tools, work, pki, urls, source, short, collector,
                      len(lines) * 13 + UDP_LINES * 2 + sum(len(x) for x in sent.values()))
    entries = collector.stop()

    for name in ("tcp", "counted", "ossl", "gtls", "relp", "relp+tls", "loggen", "loggen-tls"):
        sent[name] = lines
    sent["udp"] = lines[:UDP_LINES]
    sent["loggen-udp"] = [x + b"\n" for x in lines[:UDP_LINES]]  # it leaves the LF of the file in the datagram
    for name in ("ng-network", "ng-network-tls"):
        sent[name] = read_lines(os.path.join(work, "network.out"))
        entries.is_list(name + ", its file", [("", x) for x in sent[name]],
                        [("", x.rstrip(b"\r")) for x in lines])  # it takes CR LF for the end of a line
    for name in ("ng-syslog", "ng-syslog-tls"):
        sent[name] = [x + b"\n" for x in read_lines(os.path.join(work, "syslog.out"))]  # as above
        kit.check(len(sent[name]) == len(lines), "syslog-ng lost lines")
    for name, records in sent.items():
        by = {"listener": configured[name]} if name in configured else \
            {"listener": configured["ng-tls"],
             "name": ("water-b" if name == "ng-syslog-tls" else "power-a") + ".example"}
        ordinal = entries.source(**by)
        if entries.same(name, ordinal, records):
            entries.check_raw(name, ordinal, records)
            print("%s: %d records" % (name, len(records)))
    made = entries.of(entries.source(listener=configured["loggen-made"]))
    kit.check(len(made) == len(lines) and
              all(kind == "record" and len(x) == 300 and
                  re.match(rb"<38>1 \d{4}-\S+ localhost prg\d+ 1234 - - ?\S*seq: %010d," % i, x)
                  for i, (kind, x) in enumerate(made)),
              "loggen --syslog-proto: %d records, %s" % (len(made), made[:1]))
    for name in ("framing-error", "udp-drop", "refused", "unfinished", "cut"):
        kit.check(entries.event(name) == [], "no event %s: %s" % (name, entries.event(name)[:3]))
    kit.finish()


main()
