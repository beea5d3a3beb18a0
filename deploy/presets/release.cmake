# cmake -C deploy/presets/release.cmake: what is installed.
set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "")
