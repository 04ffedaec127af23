#include "backend/qr.h"

#include <qrencode.h>
#include <stdbool.h>

#define QUIET 4 /* modules around the code, so that cameras find it */

static bool is_dark(const QRcode *code, int x, int y)
{
    return x >= 0 && y >= 0 && x < code->width && y < code->width &&
           (code->data[y * code->width + x] & 1);
}

int qr_print(FILE *out, const char *text)
{
    /* One character shows two modules, one above the other: the foreground draws light, the
     * background is dark. */
    static const char *const blocks[2][2] = {{"█", "▀"}, {"▄", " "}};
    QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);
    if (!code)
        return -1;
    for (int y = -QUIET; y < code->width + QUIET; y += 2) {
        fputs("\033[40;97m", out);
        for (int x = -QUIET; x < code->width + QUIET; x++) {
            bool below = y + 1 < code->width + QUIET && is_dark(code, x, y + 1);
            fputs(blocks[is_dark(code, x, y)][below], out);
        }
        fputs("\033[0m\n", out);
    }
    QRcode_free(code);
    return 0;
}
