#include <doctest/doctest.h>

#include "../../core/communicator.hpp"
#include "../../core/error.hpp"
#include "../support/environment_variable.hpp"

using namespace handgrad;

TEST_CASE("communicator: a build without MPI refuses to be one rank of several") {
    const test::EnvironmentVariable size("PMI_SIZE", "2");
    CHECK_THROWS_WITH_AS(connect_ranks(),
                         "mpirun: this build runs as one process: found several, expected a build "
                         "with -Dmpi=enabled",
                         Error);
}
