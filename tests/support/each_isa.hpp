// Runs the body of a test once per instruction set that this machine supports.
#pragma once

#include <doctest/doctest.h>

#include "../../core/isa.hpp"

namespace handgrad::test {

// The active instruction set is that of the run, its name is in every failure message, and the one
// from before is active again afterwards, even if the body throws.
template <class Body>
void for_each_isa(Body&& body) {
    struct Restore {
        Isa before = active_isa();
        ~Restore() { select_isa(before); }
    } restore;
    for (Isa isa : supported_isas()) {
        const char* name = isa_name(isa);
        CAPTURE(name);
        select_isa(isa);
        body();
    }
}

}  // namespace handgrad::test
