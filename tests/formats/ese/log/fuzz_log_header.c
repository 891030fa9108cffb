/* Fuzz target: any bytes as the start of a log file and as a checkpoint file. */
#include "formats/ese/layout/checksum.h"
#include "formats/ese/log/header.h"

#include <stdlib.h>

static void expect(bool condition)
{
    if (!condition)
        abort();
}

static void check_list(const struct ese_log_attachments *list)
{
    expect(list->count <= ESE_LOG_ATTACHMENTS_MOST);
    for (unsigned i = 0; i < list->count; i++)
        expect(memchr(list->entry[i].name, 0, ESE_LOG_NAME_MOST) != NULL);
}

static void check_checkpoint(uint8_t *bytes, size_t size)
{
    static struct ese_log_checkpoint checkpoint;
    struct ese_file *file;
    struct fault f = {.code = FAULT_NONE};
    for (size_t at = 0; size - at >= ESE_LOG_HEADER_SIZE; at += ESE_LOG_HEADER_SIZE)
        ese_checksum_set_header(bytes + at, ESE_LOG_HEADER_SIZE);
    if (size == 0 || !ese_file_over(bytes_of(bytes, size), &file, &f))
        return;
    if (ese_log_checkpoint_read(file, &checkpoint, &f))
        check_list(&checkpoint.attached);
    else
        expect(f.code == FAULT_DAMAGED || f.code == FAULT_NOT_THIS);
    ese_file_close(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ese_log_header header;
    struct fault f = {.code = FAULT_NONE};
    uint8_t *exact = malloc(size ? size : 1);
    expect(exact != NULL);
    if (size > 0)
        memcpy(exact, data, size);
    ese_log_kind(bytes_of(exact, size));
    if (ese_log_header_parse(bytes_of(exact, size), &header, &f)) {
        char text[48], time[40];
        check_list(&header.attached);
        expect(strlen(ese_log_version(&header, text)) < sizeof text);
        expect(strlen(ese_log_time_text(header.created, time)) < sizeof time);
    } else {
        expect(f.code == FAULT_DAMAGED || f.code == FAULT_NOT_THIS);
    }
    check_checkpoint(exact, size);
    free(exact);
    return 0;
}
