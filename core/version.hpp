// Which handgrad this is: of the headers, for the preprocessor, and of the library that is linked.
//
// While the major version is 0, programs built with 0.1.x run with every later 0.1.y, and have to
// be built anew for 0.2: the shared library is libhandgrad.so.0.1.
#pragma once

#include "export.hpp"

// meson.build compares these with the version of the project.
#define HANDGRAD_VERSION_MAJOR 0
#define HANDGRAD_VERSION_MINOR 1
#define HANDGRAD_VERSION_PATCH 0
#define HANDGRAD_VERSION "0.1.0"

// Grows with every version: #if HANDGRAD_VERSION_NUMBER >= 200 is true from 0.2.0 on.
#define HANDGRAD_VERSION_NUMBER \
    (HANDGRAD_VERSION_MAJOR * 10000 + HANDGRAD_VERSION_MINOR * 100 + HANDGRAD_VERSION_PATCH)

namespace handgrad {

// Of the library.
struct Version {
    int major, minor, patch;
    const char* text;  // as HANDGRAD_VERSION
};

// The version of the library in use, which may be newer than HANDGRAD_VERSION_NUMBER.
HANDGRAD_API Version version() noexcept;

}  // namespace handgrad
