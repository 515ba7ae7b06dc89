"""Run as `python -m cluster`."""

import signal

if __name__ == "__main__":
    # Python swallows an interrupt that falls into certain moments of an import: it waits until there is who heeds it.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    from cluster import cli

    raise SystemExit(cli.main())
