/* The app's files, served from memory: what was read at the start exists, and nothing else. */
#ifndef STATIC_H
#define STATIC_H

#include "backend/http.h"
#include "backend/server.h"

/*
 * Reads a folder, and its subfolders that the app has (lang, screens). Files whose type is not in
 * the table are left out. An error: a file that is too large (2 MiB; 16 MiB in all), too many
 * (512), or one that others may write. NULL, with why.
 */
struct static_files *static_read(const char *folder, char *why, size_t why_size);
void static_free(struct static_files *files); /* NULL is fine */

/* How many there are. For tests. */
size_t static_count(const struct static_files *files);

/* Handler of the routes GET "/", "/enroll", "/lang/" and "/screens/" with any file name, and "/"
 * with any file name, which must be the last route. */
void static_get(struct http_call *call, void *context);

#endif
