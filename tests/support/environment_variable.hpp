#pragma once

#include <cstdlib>

namespace handgrad::test {

// Sets a variable of the environment, and takes it away again.
class EnvironmentVariable {
  public:
    EnvironmentVariable(const char* name, const char* value) : name_(name) {
        setenv(name, value, 1);
    }
    ~EnvironmentVariable() { unsetenv(name_); }
    EnvironmentVariable(const EnvironmentVariable&) = delete;
    EnvironmentVariable& operator=(const EnvironmentVariable&) = delete;

  private:
    const char* name_;
};

}  // namespace handgrad::test
