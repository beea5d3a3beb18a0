# cmake -C deploy/presets/asan.cmake: AddressSanitizer with leak detection, and UndefinedBehaviorSanitizer.
set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "")
set(SANITIZE address CACHE STRING "")
