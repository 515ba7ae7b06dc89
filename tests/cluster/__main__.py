"""Run as `python -m cluster`."""

import signal

_INTERRUPTS = (signal.SIGINT, signal.SIGTERM)

if __name__ == "__main__":
    # Python swallows an interrupt that falls into certain moments of an import: it waits until there is who heeds it.
    signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)
    from cluster import cli

    signal.pthread_sigmask(signal.SIG_UNBLOCK, _INTERRUPTS)
    raise SystemExit(cli.main())
