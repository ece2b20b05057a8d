#include <doctest/doctest.h>

#include "../../core/communicator.hpp"
#include "../../core/error.hpp"
#include "../support/environment_variable.hpp"

using namespace handgrad;
using test::EnvironmentVariable;

TEST_CASE("communicator: a build without MPI refuses to be one rank of several") {
    const EnvironmentVariable size("PMI_SIZE", "2"), rank("PMI_RANK", "1"), port("PMI_PORT", "h:1");
    CHECK(launched_rank() == 1);
    CHECK_THROWS_WITH_AS(connect_ranks(),
                         "mpirun: this build runs as one process: found 2, by PMI_SIZE, expected a "
                         "build with -Dmpi=enabled",
                         Error);
}

TEST_CASE("communicator: a build without MPI is alone with what is left over in a shell") {
    const EnvironmentVariable size("PMI_SIZE", "4");
    CHECK(connect_ranks()->size() == 1);
    {
        const EnvironmentVariable port("PMI_PORT", "h:1");
        CHECK(connect_ranks()->size() == 1);
        for (const char* text : {"", "x", "-1", "4", "99999999999"}) {
            CAPTURE(text);
            const EnvironmentVariable rank("PMI_RANK", text);
            CHECK(connect_ranks()->size() == 1);
        }
    }
    const EnvironmentVariable rank("PMI_RANK", "2");
    CHECK(connect_ranks()->size() == 1);
    CHECK(launched_rank() == 0);
}
