# cmake -C deploy/presets/tsan.cmake: ThreadSanitizer.
set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "")
set(SANITIZE thread CACHE STRING "")
