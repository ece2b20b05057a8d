// Takes the place of communicator_mpi.cpp in a build without MPI.
#include "communicator.hpp"
#include "error.hpp"

namespace handgrad::detail {

std::unique_ptr<Communicator> connect_mpi() {
    throw Error(ErrorKind::argument, "mpirun", "this build runs as one process", "several",
                "a build with -Dmpi=enabled");
}

}  // namespace handgrad::detail
