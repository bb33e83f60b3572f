"""Tests, and what they share.

test_unit mirrors the package, a module each; what no module owns has a module there too: faults of
0.2.1, the models of the engine and of a fleet, messages, signals, loading, speed, the house itself.
test_integration runs real servers and clients. benchmarks compares, and soaks. data is read by all.

helpers    small things: checks, clocks, ports, what waits
internals  the only way to private names of the package
worlds     what stands in for threads, clocks, cache servers and processes
wsgi       requests to an app without a server; serving: an app served in a thread
servers    programs as processes of their own, among them the apps of service and member
browser    Chromium; corpus_loader: cases in data; counting and growth: steps and times
"""
