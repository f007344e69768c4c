/* test_openapi.c - docs/openapi.json names what the server's table of routes has, and nothing else.
 */
#include "search/routes.h"
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka needs the three above */
#include <cmocka.h>

static json_t *document(void) {
    const char *root = getenv("ROOT");
    char path[600];
    json_error_t error;
    (void)snprintf(path, sizeof path, "%s/docs/openapi.json", root ? root : ".");
    json_t *doc = json_load_file(path, 0, &error);
    if (doc == NULL)
        fail_msg("%s: %s", path, error.text);
    return doc;
}

/* A parameter of this name in the query, or in the path. */
static bool names(const json_t *operation, const char *name, const char *where) {
    size_t i;
    json_t *param;
    json_array_foreach(json_object_get(operation, "parameters"), i, param) {
        if (strcmp(json_string_value(json_object_get(param, "name")), name) == 0)
            return strcmp(json_string_value(json_object_get(param, "in")), where) == 0;
    }
    return false;
}

static void every_route_of_the_api_is_documented(void **state) {
    (void)state;
    json_t *doc = document();
    const struct fk_route_info *route;
    for (size_t i = 0; (route = fk_route_info(i)) != NULL; i++) {
        if (strncmp(route->path, "/api/", 5) != 0)
            continue;
        json_t *get =
            json_object_get(json_object_get(json_object_get(doc, "paths"), route->path), "get");
        if (get == NULL)
            fail_msg("%s is not in docs/openapi.json", route->path);
        size_t known = 0;
        for (; route->params[known] != NULL; known++)
            if (!names(get, route->params[known], "query"))
                fail_msg("%s: parameter %s is not in docs/openapi.json", route->path,
                         route->params[known]);
        if (strstr(route->path, "{seq}") != NULL) {
            assert_true(names(get, "seq", "path"));
            known++;
        }
        assert_int_equal(json_array_size(json_object_get(get, "parameters")), known);
    }
    json_decref(doc);
}

static void every_documented_path_is_a_route(void **state) {
    (void)state;
    json_t *doc = document(), *item;
    const char *path;
    json_object_foreach(json_object_get(doc, "paths"), path, item) {
        size_t i = 0;
        while (fk_route_info(i) != NULL && strcmp(fk_route_info(i)->path, path) != 0)
            i++;
        if (fk_route_info(i) == NULL)
            fail_msg("%s is in docs/openapi.json and no route", path);
        assert_int_equal(json_object_size(item), 1); /* get: nothing can be changed */
    }
    json_decref(doc);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_of_the_api_is_documented),
        cmocka_unit_test(every_documented_path_is_a_route),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
