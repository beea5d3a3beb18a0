# cmake -C deploy/presets/tsan.cmake: ThreadSanitizer.
set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "")
set(SANITIZE thread CACHE STRING "")
# gcc sees conversions and truncations that are not there in what a sanitizer adds; the release build judges warnings.
set(WERROR OFF CACHE BOOL "")
