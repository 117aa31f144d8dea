/* The supervisor: reads the node file, opens what the others need, starts them by the process
 * table, and starts them again.  It reads nothing that came from the network. */
#ifndef SEALPOST_PROCESS_SUPERVISE_SUPERVISE_H
#define SEALPOST_PROCESS_SUPERVISE_SUPERVISE_H

/* `sealpost serve`.  NODE_FILE may be NULL: safe defaults.  Returns the exit status. */
int supervise_main(const char *node_file);

#endif
