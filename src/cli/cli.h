/*
 * The command line: every verb but `serve` and `process`.  Verbs speak to a running server over its
 * management socket only; certificates can be prepared while no server runs.
 */
#ifndef SEALPOST_CLI_CLI_H
#define SEALPOST_CLI_CLI_H

/* What a verb returns to the shell. */
enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,	     /* the server, or a check, said no */
	CLI_USAGE = 2,	     /* the command line cannot be understood */
	CLI_UNREACHABLE = 3, /* no server answers at the management socket */
};

/* argv as given to main(), argv[1] the verb.  Returns the exit status. */
int cli_main(int argc, char **argv);

#endif
