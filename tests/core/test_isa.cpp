#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

#include "../../core/error.hpp"
#include "../../core/isa.hpp"
#include "../../core/kernels/table.hpp"

using namespace handgrad;

TEST_CASE("names and instruction sets belong together") {
    for (Isa isa : {Isa::scalar, Isa::sse2, Isa::avx2, Isa::avx512, Isa::neon})
        CHECK(isa_from_name(isa_name(isa)) == isa);
    CHECK_THROWS_WITH_AS(isa_from_name("avx9"), doctest::Contains("avx9"), Error);
    CHECK_THROWS_AS(isa_from_name(""), Error);
}

TEST_CASE("scalar is always supported and every supported table is its own") {
    REQUIRE(!supported_isas().empty());
    CHECK(supported_isas().front() == Isa::scalar);
    for (Isa isa : supported_isas()) CHECK(kernel_table(isa).isa == isa);
}

TEST_CASE("selecting an instruction set takes effect") {
    const Isa before = active_isa();
    for (Isa isa : supported_isas()) {
        select_isa(isa);
        CHECK(active_isa() == isa);
        CHECK(&active_kernels() == &kernel_table(isa));
    }
    select_isa(before);
}

TEST_CASE("an instruction set that this machine lacks is refused, not replaced") {
    for (Isa isa : {Isa::sse2, Isa::avx2, Isa::avx512, Isa::neon})
        if (!isa_supported(isa)) {
            CHECK_THROWS_WITH_AS(select_isa(isa), doctest::Contains(isa_name(isa)), Error);
            CHECK_THROWS_AS(kernel_table(isa), Error);
        }
    // One of the two cannot be: no processor is x86 and Arm.
    CHECK_FALSE((isa_supported(Isa::sse2) && isa_supported(Isa::neon)));
}
