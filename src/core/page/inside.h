/* Inside core/page: the forms. */
#ifndef SEALPOST_CORE_PAGE_INSIDE_H
#define SEALPOST_CORE_PAGE_INSIDE_H

#include "core/page/page.h"

void page_text(const struct page *page, struct buf *out);
void page_markdown(const struct page *page, struct buf *out);
void page_html(const struct page *page, struct buf *out);

/* How many bytes of a control character stand at P; 0: none does.  C1 controls are two bytes in
 * UTF-8. */
size_t page_control(const char *p, bool keeps_lines);

#endif
