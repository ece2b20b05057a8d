// What the shell is told of an error (README.md, "Exit codes").
#pragma once

#include "../../core/error.hpp"

namespace handgrad::apps {

inline int exit_code(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::argument:
            return 2;
        case ErrorKind::input:
            return 3;
        case ErrorKind::output:
            return 4;
        case ErrorKind::numeric:
            return 5;
        case ErrorKind::mismatch:
            return 6;
    }
    return 1;
}

}  // namespace handgrad::apps
