# cmake -C deploy/presets/fuzz.cmake: libFuzzer, which only clang has, with AddressSanitizer.
set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "")
set(CMAKE_C_COMPILER clang CACHE STRING "")
set(SANITIZE address CACHE STRING "")
set(FUZZERS ON CACHE BOOL "")
# The rooms are instrumented too: the fuzzer is guided only by what is. gcc's builds judge the warnings.
set(CMAKE_C_FLAGS -fsanitize=fuzzer-no-link CACHE STRING "")
set(WERROR OFF CACHE BOOL "")
