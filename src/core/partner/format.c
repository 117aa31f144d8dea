/* The sheet as text and as a page of HTML. */
#include "core/partner/sheet.h"

/* Control characters of a certificate's subject must not drive a terminal; line feeds of CODE
 * stay. */
static bool is_fine(unsigned char c, bool keeps_lines)
{
	return c >= ' ' ? c != 0x7f : keeps_lines && c == '\n';
}

/* ---- text ------------------------------------------------------------------------------------ */

static void put_safe(struct buf *out, const char *text, bool keeps_lines)
{
	for (const char *p = text; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;

		/* C1 controls are two bytes in UTF-8: 0xc2 0x80..0x9f. */
		if (c == 0xc2 && (unsigned char)p[1] >= 0x80 && (unsigned char)p[1] < 0xa0) {
			buf_put_byte(out, '?');
			p++;
		} else {
			buf_put_byte(out, is_fine(c, keeps_lines) ? *p : '?');
		}
	}
}

static void put_underline(struct buf *out, const char *text, char c)
{
	buf_put_byte(out, '\n');
	for (size_t i = 0; text[i] != '\0'; i++)
		buf_put_byte(out, c);
	buf_put_byte(out, '\n');
}

static void put_text_block(struct buf *out, const struct partner_block *b, bool follows_row)
{
	size_t n = strlen(b->text);

	if (b->kind == PARTNER_ROW) {
		buf_format(out, "%s  %-20s", follows_row ? "" : "\n", b->label);
		put_safe(out, b->text, false);
		buf_put_byte(out, '\n');
		return;
	}
	if (buf_length(out) > 0)
		buf_put_byte(out, '\n');
	if (b->kind == PARTNER_CODE) {
		buf_put_text(out, "----- ");
		put_safe(out, b->label, false);
		buf_put_text(out, " -----\n");
	}
	if (b->kind == PARTNER_NOTE)
		buf_put_text(out, "NOTE: ");
	put_safe(out, b->text, b->kind == PARTNER_CODE);
	if (b->kind == PARTNER_TITLE || b->kind == PARTNER_HEADING)
		put_underline(out, b->text, b->kind == PARTNER_TITLE ? '=' : '-');
	else if (b->kind != PARTNER_CODE || n == 0 || b->text[n - 1] != '\n')
		buf_put_byte(out, '\n');
	if (b->kind == PARTNER_CODE)
		buf_put_text(out, "-----\n");
}

enum err partner_format_text(const struct partner_kit *kit, struct buf *out)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct partner_block *blocks;
	size_t count = partner_sheet(kit, arena, &blocks);

	for (size_t i = 0; i < count; i++)
		put_text_block(out, &blocks[i], i > 0 && blocks[i - 1].kind == PARTNER_ROW);
	return out->failed ? ERR_TOO_LONG : ERR_OK;
}

/* ---- HTML ------------------------------------------------------------------------------------ */

static void put_escaped(struct buf *out, const char *text, bool keeps_lines)
{
	for (const char *p = text; *p != '\0'; p++) {
		switch (*p) {
		case '&':
			buf_put_text(out, "&amp;");
			break;
		case '<':
			buf_put_text(out, "&lt;");
			break;
		case '>':
			buf_put_text(out, "&gt;");
			break;
		case '"':
			buf_put_text(out, "&quot;");
			break;
		case '\'':
			buf_put_text(out, "&#39;");
			break;
		default:
			buf_put_byte(out, is_fine((unsigned char)*p, keeps_lines) ? *p : '?');
		}
	}
}

static void put_element(struct buf *out, const char *open, const char *text, const char *close)
{
	buf_put_text(out, open);
	put_escaped(out, text, false);
	buf_put_text(out, close);
}

static const char page_start[] =
	"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
	"'unsafe-inline'\">\n"
	"<style>\n"
	"body { font: 16px/1.5 sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; "
	"color: #111; background: #fff; }\n"
	"table { border-collapse: collapse; width: 100%; margin: .5rem 0; }\n"
	"th, td { text-align: left; vertical-align: top; padding: .25rem .5rem; border-bottom: 1px "
	"solid #bbb; overflow-wrap: anywhere; }\n"
	"th { width: 12rem; font-weight: 600; }\n"
	"pre { background: #f3f3f3; border: 1px solid #bbb; padding: .75rem; white-space: "
	"pre-wrap; "
	"overflow-wrap: anywhere; }\n"
	"h3 { margin-bottom: .25rem; font-size: 1rem; }\n"
	".note { border-left: .25rem solid #a40; padding-left: .75rem; }\n"
	"@media print { body { margin: 0; max-width: none; font-size: 11pt; } "
	"h2, h3 { break-after: avoid; } tr { break-inside: avoid; } }\n"
	"</style>\n";

static void put_html_block(struct buf *out, const struct partner_block *b, bool follows_row)
{
	if (follows_row && b->kind != PARTNER_ROW)
		buf_put_text(out, "</table>\n");
	switch (b->kind) {
	case PARTNER_TITLE:
		put_element(out, "<title>", b->text, "</title>\n</head>\n<body>\n<main>\n");
		put_element(out, "<h1>", b->text, "</h1>\n");
		break;
	case PARTNER_HEADING:
		put_element(out, "<h2>", b->text, "</h2>\n");
		break;
	case PARTNER_PARAGRAPH:
		put_element(out, "<p>", b->text, "</p>\n");
		break;
	case PARTNER_NOTE:
		put_element(out, "<p class=\"note\">", b->text, "</p>\n");
		break;
	case PARTNER_ROW:
		if (!follows_row)
			buf_put_text(out, "<table>\n");
		put_element(out, "<tr><th scope=\"row\">", b->label, "</th>");
		put_element(out, "<td>", b->text, "</td></tr>\n");
		break;
	case PARTNER_CODE:
		put_element(out, "<h3>", b->label, "</h3>\n<pre>");
		put_escaped(out, b->text, true);
		buf_put_text(out, "</pre>\n");
		break;
	}
}

enum err partner_format_html(const struct partner_kit *kit, struct buf *out)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct partner_block *blocks;
	size_t count = partner_sheet(kit, arena, &blocks);

	buf_put_text(out, page_start);
	for (size_t i = 0; i < count; i++)
		put_html_block(out, &blocks[i], i > 0 && blocks[i - 1].kind == PARTNER_ROW);
	if (count > 0 && blocks[count - 1].kind == PARTNER_ROW)
		buf_put_text(out, "</table>\n");
	buf_put_text(out, "</main>\n</body>\n</html>\n");
	return out->failed ? ERR_TOO_LONG : ERR_OK;
}
