/* Inside process/admin: the tables of routes, one a subject (routes_*.c). */
#ifndef SEALPOST_PROCESS_ADMIN_ROUTES_H
#define SEALPOST_PROCESS_ADMIN_ROUTES_H

#include "process/admin/call.h"

struct admin_route_table {
	const struct admin_route *rows;
	size_t count;
};

extern const struct admin_route_table admin_routes_operation;
extern const struct admin_route_table admin_routes_config;
extern const struct admin_route_table admin_routes_mail;
extern const struct admin_route_table admin_routes_certificates;

#endif
