// What the shared library shows: a declaration without HANDGRAD_API is the library's own affair,
// and no program can come to depend on it. Without effect on a static library.
#pragma once

#define HANDGRAD_API __attribute__((visibility("default")))
