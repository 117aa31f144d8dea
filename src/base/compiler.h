/* What the project asks of the compiler beyond C17: attributes only. */
#ifndef SEALPOST_BASE_COMPILER_H
#define SEALPOST_BASE_COMPILER_H

#include <stddef.h>

/* Run FUNCTION(&variable) when the variable leaves its scope.  FUNCTION accepts NULL content. */
#define CLEANUP(function)   __attribute__((cleanup(function)))
#define PRINTF_LIKE(fmt, n) __attribute__((format(printf, fmt, n)))
#define MUST_USE	    __attribute__((warn_unused_result))
#define NO_RETURN	    __attribute__((noreturn))

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

#endif
