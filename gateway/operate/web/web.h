/* web: the files of the page at admin.listen, which are part of the program. Whatever stands in this folder and is no
 * C, CMake or Markdown is served as /NAME, index.html as / (embed.cmake). Any thread.
 */
#ifndef GATEWAY_OPERATE_WEB_WEB_H
#define GATEWAY_OPERATE_WEB_WEB_H

#include "gateway/http/http.h"

struct web_file {
    const char *path, *type, *etag;
    const unsigned char *data;
    size_t len;
};
/* Made by embed.cmake. */
extern const struct web_file web_files[];
extern const size_t web_files_count;
/* Of the API's description: no page's. */
extern const struct web_file api_files[];
extern const size_t api_files_count;

/* Answers where a file is asked for. False: the path is none of theirs. */
bool web_serve(const struct http_call *call, struct http_answer *answer);

#endif
