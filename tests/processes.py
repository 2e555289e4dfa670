"""Processes that tests start."""

#: Before a command line: it ends with the process that started it. Who interrupts a run kills
#: pytest's workers, which then end nothing any more. From util-linux, like `kill`.
ENDS_WITH_ITS_PARENT = ("setpriv", "--pdeathsig", "KILL")
