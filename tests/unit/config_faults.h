/* Configurations that are wrong, each with the words it is refused with; part of a table. */
{HEAD UDP "batch: 3\n", "c:6:1: unknown option \"batch\"; did you mean batches?"},
    {HEAD UDP "colour: red\n",
     "c:6:1: unknown option \"colour\"; known here: store, control, log_level, signing_interval, "
     "batches, partial_frames, disk_warn_percent, disk_warn_free, disk_reserve, "
     "certificate_warning, logs, listeners"},
    {HEAD "    shrae: 1G\n" UDP, "c:4:5: unknown option \"shrae\"; did you mean share?"},
    {HEAD "    share: 1G\n    share: 2G\n" UDP,
     "c:5:5: \"share\" stands here a second time (first in line 4); remove one of them"},
    {HEAD "    seal_size: 64MB\n" UDP,
     "c:4:16: seal_size: \"64MB\" is not a size; write digits and one of B, K, M, G, T (powers of "
     "1024), as in 64M or 256K"},
    {HEAD "    seal_size: 5\n" UDP, "c:4:16: seal_size: \"5\" is too small; allowed are 1M to 1T"},
    {HEAD "    silence: 10\n" UDP, "c:4:14: silence: \"10\" is not a duration; write digits and "
                                   "one of ns, us, ms, s, m, h, d, as in 10ms or 24h"},
    {HEAD "    record_max: 2M\n" UDP,
     "c:4:17: record_max: \"2M\" is too large; allowed are 1K to 1048575"},
    {HEAD "    share: [1]\n" UDP, "c:4:12: share wants one value; here is a list"},
    {HEAD "    share: 64M\n" UDP,
     "c:4:12: share (64M) is below seal_size (256M), so the log would be full before its first "
     "segment is sealed; raise share or lower seal_size"},
    {HEAD "  - name: a\n" UDP "    log: a\n",
     "c:4:11: two logs are named a; each name stands once"},
    {HEAD "  - name: Power\n" UDP,
     "c:4:11: \"Power\" is not the name of a log: 1 to 63 of a-z, 0-9 and -"},
    {HEAD UDP "log_level: wraning\n", "c:6:12: log_level: \"wraning\" is none of error, warning, "
                                      "notice, info, debug; did you mean warning?"},
    {HEAD UDP "    log: b\n", "c:6:10: there is no log \"b\"; the logs are: a"},
    {HEAD UDP "    limits:\n      frame_timeout: 5s\n",
     "c:7:22: frame_timeout means nothing for udp:// listeners; remove it"},
    {HEAD UDP "  - url: udp://127.0.0.1:514\n",
     "c:6:10: udp://127.0.0.1:514 and udp://127.0.0.1:514 cannot both be listened on; change one"},
    {HEAD "listeners:\n  - url: tcp://127.0.0.1:0\n  - url: tcp://localhost:0\n",
     "c:6:10: tcp://127.0.0.1:0 stands twice: sources are told apart by it; give the second one "
     "another address or port"},
    {HEAD TLS, "c:5:5: listener tls://127.0.0.1:514 has no certificate; a TLS listener needs "
               "tls.certificate and tls.key (PEM files)"},
    {HEAD TLS "    tls:\n      certificate: c\n      key: k\n",
     "c:7:7: listener tls://127.0.0.1:514 could not know any sender; give tls.ca (the authority of "
     "their certificates) or tls.fingerprints, or set authentication: none"},
    {HEAD TLS "    tls:\n      certificate: c\n      key: k\n      fingerprints: [ab]\n",
     "c:9:22: fingerprints: \"ab\" is not a SHA-256 fingerprint; write what `openssl x509 -noout "
     "-fingerprint -sha256 -in FILE` prints behind the ="},
    {HEAD UDP "    tls:\n      certificate: c\n",
     "c:7:7: listener udp://127.0.0.1:514 has no TLS, so `tls` means nothing; remove it, or listen "
     "on tls://"},
    {HEAD UDP "    allow: [10.0.0.1/8]\n",
     "c:6:13: allow: \"10.0.0.1/8\" has bits set behind its prefix; write 10.0.0.0/8 for the "
     "range, or the address without /8"},
    {HEAD "listeners:\n  - url: tpc://127.0.0.1:1\n",
     "c:5:10: url: \"tpc://127.0.0.1:1\": unknown scheme; did you mean tcp://?"},
    {HEAD,
     "c:1:1: there is no listener, so nothing could come in; list at least one under `listeners`"},
    {LOGS UDP,
     "c:1:1: `store` is missing; write the directory that `akashi-collector init --store` made"},
    {"store: /s\n" UDP,
     "c:3:5: listener udp://127.0.0.1:514 feeds no log; name one with `log`, or choose by `route`"},
    {"store: /s\n\tlogs: a\n", "c:2:1: not YAML: found a tab character that violates indentation; "
                               "check indentation and quotes here and in the line above"},
    {"store: &x /s\n",
     "c:1:8: anchors (&name) are not used here; write the value where it is needed"},
    {"- a\n", "c:1:1: a configuration wants options (key: value), indented below; here is a list"},
    {"", "c: the configuration is empty; akashi.conf.example shows one"},
