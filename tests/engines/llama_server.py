"""Starts llama-server's own HTTP server on a free port, as an engine for the tests.

Usage: llama_server.py MODEL ALIAS. It prints its address in one line, and ends when its standard input closes.
The package xllamacpp is llama.cpp's server as a library, so nothing is compiled here.
"""

import sys

import xllamacpp


def main() -> None:
    model, alias = sys.argv[1:]
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.model_alias = {alias}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_ctx = 4096
    params.n_parallel = 4
    params.warmup = False
    params.cpuparams.n_threads = 2
    params.cpuparams_batch.n_threads = 2
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


main()
