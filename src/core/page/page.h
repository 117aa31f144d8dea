/*
 * A page for people, as a list of blocks that become text, Markdown or HTML.  Whatever the texts of
 * a page hold (subjects of certificates, names from outside), no control character gets through and
 * none can begin markup; HTML is one page without scripts or references to others.
 */
#ifndef SEALPOST_CORE_PAGE_PAGE_H
#define SEALPOST_CORE_PAGE_PAGE_H

#include "base/buf.h"
#include "base/mem.h"
#include "core/record/record.h"

enum page_kind {
	PAGE_TITLE, /* the first block, and only that */
	PAGE_HEADING,
	PAGE_SUBHEADING,
	PAGE_PARAGRAPH,
	PAGE_ROW,  /* label: text */
	PAGE_NOTE, /* one of a list of remarks */
	PAGE_CODE, /* label: where it goes; the lines of its text stay */
};

struct page_block {
	enum page_kind kind;
	const char *label; /* ROW and CODE */
	const char *text;
};

/* Begins empty: {.arena = ...}. */
struct page {
	struct arena *arena;
	struct page_block *items;
	size_t count, size;
};

/* Append; LABEL and TEXT are not copied.  Without TEXT (NULL or "") nothing is appended. */
void page_put(struct page *page, enum page_kind kind, const char *label, const char *text);

/* "a, b"; "" for none. */
const char *page_join(struct page *page, const struct record_texts *texts);
/* "2026-11-22": days suffice for people, whoever needs the second reads the JSON form.  0: "?". */
const char *page_day(struct page *page, int64_t at_ms);

enum page_format { PAGE_TEXT, PAGE_MARKDOWN, PAGE_HTML, PAGE_FORMAT_MAX };
extern const char *const page_format_names[];	      /* "text", "markdown", "html" */
extern const char *const page_types[PAGE_FORMAT_MAX]; /* media types, with the character set */

/* ERR_TOO_LONG when OUT is too small. */
enum err page_format(const struct page *page, enum page_format format, struct buf *out);

#endif
