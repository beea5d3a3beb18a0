# cmake -C deploy/presets/asan.cmake: AddressSanitizer with leak detection, and UndefinedBehaviorSanitizer.
set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "")
set(SANITIZE address CACHE STRING "")
# gcc sees conversions and truncations that are not there in what a sanitizer adds; the release build judges warnings.
set(WERROR OFF CACHE BOOL "")
