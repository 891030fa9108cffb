/* Items with small headers: hostile layouts and values.  The first bytes are the layout in words,
 * up to a line end; what is read to its end is put together again as it was. */
#include "formats/certs/certs.h"
#include "tests/formats/certs/fuzz.h"

static void check_parts(struct bytes value, const struct items_layout *layout)
{
    struct items_reader r;
    struct items_item item;
    size_t at = layout->counted ? 4 : 0;
    if (!items_open(value, layout, &r, NULL))
        return;
    for (; items_next(&r, &item, NULL); at += item.whole.size) {
        must(item.offset == at && item.data.size > 0);
        must(item.header.size == layout->header);
        must(item.whole.size == item.header.size + item.data.size);
    }
    must(r.failed || at + r.tail.size == value.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[ITEMS_TEXT];
    const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
    size_t words = end ? (size_t)(end - data) : size;
    struct certlist_form form = {.kind = CERTLIST_ITEMS};
    struct items_layout again;
    if (end == NULL || words >= sizeof text)
        return 0;
    memcpy(text, data, words);
    text[words] = '\0';
    if (!items_layout_read(text, &form.items, NULL))
        return 0;
    must(form.items.header <= ITEMS_HEADER_MOST);
    must(items_layout_read(items_layout_text(&form.items, text), &again, NULL));
    must(again.header == form.items.header && again.size == form.items.size &&
         again.counted == form.items.counted);
    struct bytes value = bytes_of(data + words + 1, size - words - 1);
    struct certlist list;
    check_parts(value, &form.items);
    if (!certlist_open_as(&list, value, &form, NULL))
        return 0;
    struct certlist_entry entry;
    while (certlist_next(&list, &entry, NULL))
        ;
    must(list.failed || certlist_is_exact(value, &form, NULL));
    certlist_close(&list);
    return 0;
}
