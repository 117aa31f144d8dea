/*
 * What monitoring can read: one row for each metric.  The text of /metrics, docs/metrics.md and the
 * checks of dashboards and rules come from here.  Names and labels are an interface: they stay.
 *
 * Columns: code, name behind "sealpost_", type, labels joined by commas, help.  A first label
 * "process" ("receive/0") stands where a process counts by itself: such a counter begins at 0 when
 * that process is started again, as rate() expects, and sums over processes are right.
 */
#ifndef SEALPOST_CORE_METRICS_TABLE_H
#define SEALPOST_CORE_METRICS_TABLE_H

#include <stddef.h>

enum metrics_type { METRICS_COUNTER, METRICS_GAUGE, METRICS_HISTOGRAM };

#define METRICS_TABLE(X)                                                                           \
	X(METRICS_BUILD_INFO, "build_info", GAUGE, "version", "The version that runs; always 1.")  \
	X(METRICS_READY, "ready", GAUGE, "", "1 when all processes work and mail is taken.")       \
	X(METRICS_START, "start_time_seconds", GAUGE, "",                                          \
		"When the server was started, in seconds since 1970.")                             \
	X(METRICS_GENERATION, "configuration_generation", GAUGE, "",                               \
		"Number of the configuration in force; each change adds one.")                     \
	X(METRICS_RELOAD, "reload_success", GAUGE, "",                                             \
		"1 when the last reload was taken, 0 when it was refused; absent before the "      \
		"first.")                                                                          \
	X(METRICS_RELOAD_TIME, "reload_time_seconds", GAUGE, "",                                   \
		"When the last reload ended, in seconds since 1970.")                              \
	X(METRICS_PROCESS_UP, "process_up", GAUGE, "process", "1 when the process works.")         \
	X(METRICS_PROCESS_START, "process_start_time_seconds", GAUGE, "process",                   \
		"When the process was started, in seconds since 1970.")                            \
	X(METRICS_PROCESS_RESTARTS, "process_restarts_total", COUNTER, "process",                  \
		"How often the process was started again after it had ended.")                     \
	X(METRICS_PROCESS_MEMORY, "process_resident_memory_bytes", GAUGE, "process",               \
		"Memory that the process has in use.")                                             \
	X(METRICS_PROCESS_CPU, "process_cpu_seconds_total", COUNTER, "process",                    \
		"Processor time that the process has used.")                                       \
	X(METRICS_PROCESS_FDS, "process_open_fds", GAUGE, "process",                               \
		"Descriptors that the process has open.")                                          \
	X(METRICS_SESSIONS, "sessions", GAUGE, "process", "SMTP sessions of clients, now.")        \
	X(METRICS_CONNECTIONS, "connections_total", COUNTER, "process,listener",                   \
		"Connections that clients have made.")                                             \
	X(METRICS_OVER_LIMIT, "connections_refused_total", COUNTER, "process",                     \
		"Connections that were turned away because a limit was reached.")                  \
	X(METRICS_TIMEOUTS, "session_timeouts_total", COUNTER, "process",                          \
		"Sessions that ended because the client was silent or took too long.")             \
	X(METRICS_EARLY, "early_talkers_total", COUNTER, "process",                                \
		"Clients that spoke before they were greeted.")                                    \
	X(METRICS_CLIENT_CERTIFICATES, "client_certificates_total", COUNTER, "process",            \
		"Sessions in which the client has presented a certificate.")                       \
	X(METRICS_RECEIVED, "received_messages_total", COUNTER,                                    \
		"process,listener,protection,forced",                                              \
		"Messages accepted.  protection: clear, encrypt, chain, name as reached; forced: " \
		"yes where something required more than clear.")                                   \
	X(METRICS_RECEIVED_BYTES, "received_bytes_total", COUNTER, "process",                      \
		"Bytes of the messages accepted.")                                                 \
	X(METRICS_REFUSED, "refused_total", COUNTER, "process,listener,reason",                    \
		"Refusals given to clients; reason is an outcome (sealpost help outcomes) or a "   \
		"word for what else was wrong.")                                                   \
	X(METRICS_HANDSHAKES, "tls_handshakes_total", COUNTER,                                     \
		"process,direction,version,group,resumed", "TLS handshakes that succeeded.")       \
	X(METRICS_CIPHERS, "tls_ciphers_total", COUNTER, "process,direction,cipher",               \
		"The same handshakes by cipher suite.")                                            \
	X(METRICS_HANDSHAKE_FAILURES, "tls_handshake_failures_total", COUNTER,                     \
		"process,direction,cause",                                                         \
		"TLS handshakes that failed.  cause: version, alert, protocol, closed, "           \
		"signature, other.")                                                               \
	X(METRICS_HANDSHAKE_TIME, "tls_handshake_seconds", HISTOGRAM, "process,direction",         \
		"How long TLS handshakes took.")                                                   \
	X(METRICS_JOBS, "deliver_jobs_total", COUNTER, "process",                                  \
		"Jobs taken: one is a message for recipients that go the same way.")               \
	X(METRICS_JOBS_ACTIVE, "deliver_jobs_active", GAUGE, "process", "Jobs under way.")         \
	X(METRICS_OUT_CONNECTIONS, "deliver_connections_total", COUNTER, "process",                \
		"Connections to next hops that were tried.")                                       \
	X(METRICS_OUT_KEPT, "deliver_connections_kept", GAUGE, "process",                          \
		"Connections that are open and wait for more mail.")                               \
	X(METRICS_OUT_REUSED, "deliver_connections_reused_total", COUNTER, "process",              \
		"Transactions that went over a connection that was there already.")                \
	X(METRICS_OUT_UNREACHABLE, "deliver_unreachable_total", COUNTER, "process",                \
		"Connections that did not come about.")                                            \
	X(METRICS_SENT, "sent_transactions_total", COUNTER,                                        \
		"process,destination,protection,forced",                                           \
		"Mail transactions begun with next hops.  protection: clear, encrypt, chain, "     \
		"name "                                                                            \
		"as reached, local for a Unix socket; forced: yes where TLS was required.")        \
	X(METRICS_UNMET, "requirement_unmet_total", COUNTER, "process,reason",                     \
		"Hosts that did not meet what was required of them, so that nothing was sent to "  \
		"them.")                                                                           \
	X(METRICS_RECIPIENTS, "recipients_total", COUNTER, "process,result,reason,destination",    \
		"What became of recipients at each attempt.  result: delivered, relayed, "         \
		"deferred, failed, returned, expired.")                                            \
	X(METRICS_ACCEPTED, "queue_accepted_messages_total", COUNTER, "process",                   \
		"Messages taken into the queue.")                                                  \
	X(METRICS_INTAKE_REFUSED, "queue_refused_messages_total", COUNTER, "process",              \
		"Messages that the queue did not take (full, disk).")                              \
	X(METRICS_NOTICES, "notices_total", COUNTER, "process",                                    \
		"Notices written to senders (returned, delayed, delivered).")                      \
	X(METRICS_INTAKE_OPEN, "intake_open", GAUGE, "process",                                    \
		"1 while the queue takes mail, 0 while it is full or the disk is.")                \
	X(METRICS_QUEUE_MESSAGES, "queue_messages", GAUGE, "process", "Messages in the queue.")    \
	X(METRICS_QUEUE_RECIPIENTS, "queue_recipients", GAUGE, "process",                          \
		"Recipients in the queue.")                                                        \
	X(METRICS_QUEUE_ACTIVE, "queue_active", GAUGE, "process",                                  \
		"Groups of recipients that are being delivered now.")                              \
	X(METRICS_QUEUE_BY, "queue_destination_recipients", GAUGE, "process,destination,state",    \
		"Recipients in the queue by class of destination and state (waiting, held); at "   \
		"most a minute old.")                                                              \
	X(METRICS_QUEUE_OLDEST, "queue_oldest_seconds", GAUGE, "process,destination",              \
		"Age of the oldest message for this class of destination; 0: there is none.")      \
	X(METRICS_COMMIT_TIME, "commit_seconds", HISTOGRAM, "process",                             \
		"How long group commits of the queue took, until they were on disk.")              \
	X(METRICS_PENDING_BYTES, "commit_pending_bytes", GAUGE, "process",                         \
		"Content that waits for a commit.")                                                \
	X(METRICS_TRACE_PENDING, "trace_pending_events", GAUGE, "process",                         \
		"Events on their way to the trace.")                                               \
	X(METRICS_DISK_FREE, "disk_free_bytes", GAUGE, "process",                                  \
		"Room left on the disk with the data directory.")                                  \
	X(METRICS_ALARMS, "alarms_open", GAUGE, "process,kind,acknowledged",                       \
		"Alarms that are not over; at most a minute old.")                                 \
	X(METRICS_WEBHOOK_SENT, "webhook_requests_total", COUNTER, "process,webhook,result",       \
		"Requests to webhooks.  result: taken, failed, given-up.")                         \
	X(METRICS_CERTIFICATE, "certificate_expiry_timestamp_seconds", GAUGE,                      \
		"certificate,version,state",                                                       \
		"When a certificate of ours ends, or one of its chain, in seconds since 1970.")    \
	X(METRICS_PARTNER_CERTIFICATE, "partner_certificate_expiry_timestamp_seconds", GAUGE,      \
		"process",                                                                         \
		"When the first of the certificates ends that partners with a connector have "     \
		"presented; absent: none ends within the longest alerts.before_expiry.")           \
	X(METRICS_KEYS, "keys", GAUGE, "process", "Private keys that are loaded.")                 \
	X(METRICS_SIGNATURES, "signatures_total", COUNTER, "process", "Signatures made.")          \
	X(METRICS_DNS_QUESTIONS, "dns_questions_total", COUNTER, "process", "DNS questions.")      \
	X(METRICS_DNS_ANSWERS, "dns_answers_total", COUNTER, "process,answer",                     \
		"DNS answers.  answer: secure, insecure, bogus, failed.")                          \
	X(METRICS_DNSSEC, "dnssec_validating", GAUGE, "process",                                   \
		"1 when answers of the DNS are validated.")                                        \
	X(METRICS_REQUESTS, "admin_requests_total", COUNTER, "process",                            \
		"Requests to the management API.")                                                 \
	X(METRICS_REQUESTS_REFUSED, "admin_requests_refused_total", COUNTER, "process",            \
		"Requests to the management API of those who may not.")                            \
	X(METRICS_REQUESTS_LIMITED, "admin_requests_limited_total", COUNTER, "process,reason",     \
		"Requests that were turned away unseen.  reason: actor, address (more than "       \
		"admin.requests_per_second), log-in (who failed must wait), busy.")                \
	X(METRICS_ANSWERS, "admin_answers_total", COUNTER, "process,door,class",                   \
		"Answers of the management API.  door: https, socket; class: 2xx, 3xx, 4xx, 429, " \
		"5xx (429 is not among 4xx).")                                                     \
	X(METRICS_REQUEST_TIME, "admin_request_seconds", HISTOGRAM, "process,door",                \
		"How long requests to the management API took; without tests, checks and live "    \
		"events, which go on.")                                                            \
	X(METRICS_HTTPS_SESSIONS, "https_connections", GAUGE, "process",                           \
		"Connections to the admin center by HTTPS, now.")                                  \
	X(METRICS_HTTPS_CONNECTIONS, "https_connections_total", COUNTER, "process",                \
		"Connections to the admin center that were made.")                                 \
	X(METRICS_HTTPS_OVER_LIMIT, "https_connections_refused_total", COUNTER, "process",         \
		"Connections to the admin center that ended because there were too many.")         \
	X(METRICS_HTTPS_HANDSHAKES, "https_handshakes_total", COUNTER, "process,result",           \
		"TLS handshakes with browsers.  result: ok, failed.")                              \
	X(METRICS_HTTPS_TIMEOUTS, "https_timeouts_total", COUNTER, "process",                      \
		"Connections to the admin center that ended because they were silent or slow.")    \
	X(METRICS_LOGIN_FAILURES, "admin_login_failures_total", COUNTER, "process",                \
		"Log-ins to the admin center that failed.")

#define METRICS_ENUM(code, ...) code,
enum metrics_id { METRICS_TABLE(METRICS_ENUM) METRICS_MAX };
#undef METRICS_ENUM

struct metrics_row {
	const char *name; /* without "sealpost_" */
	enum metrics_type type;
	const char *labels;
	const char *help;
};
extern const struct metrics_row metrics_rows[METRICS_MAX];
extern const char *const metrics_type_names[]; /* "counter", "gauge", "histogram" */

#endif
