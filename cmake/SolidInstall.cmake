# Headers, static and shared libraries, pkg-config files, CMake package.
include(CMakePackageConfigHelpers)

set(solid_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/solid)
set(solid_installed solid solid_train)
if(TARGET solid_store)
  list(APPEND solid_installed solid_store)
endif()
if(TARGET solid_ingest)
  list(APPEND solid_installed solid_ingest)
endif()

set(solid_pc_static_libs ${JANSSON_LDFLAGS} ${XXHASH_LDFLAGS} ${OPENBLAS_LDFLAGS})
if(SOLID_CUDA)
  list(APPEND solid_pc_static_libs -lcublas -lcudart_static -ldl -lrt -lstdc++)
endif()

foreach(library ${solid_installed})
  string(REPLACE "solid_" "" short ${library})
  set(forms ${library}_static)
  set_target_properties(${library}_static PROPERTIES EXPORT_NAME ${short}_static)
  if(NOT library STREQUAL "solid_train") # an archive alone; the target of its name is the program
    list(PREPEND forms ${library})
    set_target_properties(${library} PROPERTIES EXPORT_NAME ${short})
  endif()
  foreach(form ${forms})
    target_include_directories(${form} INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  endforeach()
  install(TARGETS ${forms} EXPORT solid
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT programs
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT dev
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev)
  set(solid_pc_name ${library})
  set(solid_pc_requires "")
  set(solid_pc_libs -l${library})
  # Dependencies stand in Libs.private by their flags: by name in Requires.private they would add their include folders to everybody's.
  set(solid_pc_private ${solid_pc_static_libs})
  if(library STREQUAL "solid_store")
    set(solid_pc_requires solid)
    set(solid_pc_private ${ZLIB_LDFLAGS} ${XXHASH_LDFLAGS} ${HIREDIS_LDFLAGS} ${OPENSSL_LDFLAGS})
  elseif(library STREQUAL "solid_train") # by the archives' names: the shared libsolid does not export what training uses
    set(solid_pc_private "")
    list(JOIN solid_pc_static_libs " " solid_pc_libs)
    set(solid_pc_libs "-l:libsolid_train.a -l:libsolid.a ${solid_pc_libs} -lpthread -lm")
  elseif(library STREQUAL "solid_ingest")
    set(solid_pc_requires solid)
    set(solid_pc_private ${JANSSON_LDFLAGS} ${XXHASH_LDFLAGS} ${ZLIB_LDFLAGS} ${RDKAFKA_LDFLAGS})
  endif()
  list(JOIN solid_pc_private " " solid_pc_private)
  set(solid_pc_prefix ${CMAKE_INSTALL_PREFIX})
  if(NOT IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR}) # found from the file's own place: `cmake --install --prefix` may choose another
    file(RELATIVE_PATH back /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
    string(REGEX REPLACE "/$" "" back ${back})
    set(solid_pc_prefix "\${pcfiledir}/${back}")
  endif()
  configure_file(${CMAKE_CURRENT_LIST_DIR}/solid.pc.in ${PROJECT_BINARY_DIR}/${library}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${library}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)
endforeach()

foreach(folder solid solid/train store ingest)
  file(GLOB headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.h)
  if(NOT SOLID_REDIS) # what this build's libraries do not have
    list(FILTER headers EXCLUDE REGEX "/redis_store\\.h$")
  endif()
  if(NOT SOLID_KAFKA)
    list(FILTER headers EXCLUDE REGEX "/consumer\\.h$")
  endif()
  install(FILES ${headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/${folder} COMPONENT dev)
endforeach()

set(solid_program_names solid_train solid_eval solid_batch solid_plan solid_paper solid_ingestd solid_serve solid_ask solid_send)
foreach(program ${solid_program_names})
  if(TARGET ${program})
    install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT programs)
  endif()
endforeach()

if(SOLID_EXAMPLES)
  install(FILES ${PROJECT_SOURCE_DIR}/examples/python/solid.py ${PROJECT_SOURCE_DIR}/examples/python/solid_calls.py
    DESTINATION ${CMAKE_INSTALL_DATADIR}/solid COMPONENT programs)
endif()

list(TRANSFORM solid_installed REPLACE "^solid_" "" OUTPUT_VARIABLE solid_components)
list(JOIN solid_components ", " solid_components_text)
install(EXPORT solid NAMESPACE solid:: DESTINATION ${solid_package_dir} FILE solidTargets.cmake COMPONENT dev)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/solidConfig.cmake.in ${PROJECT_BINARY_DIR}/solidConfig.cmake
  INSTALL_DESTINATION ${solid_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/solidConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/solidConfig.cmake ${PROJECT_BINARY_DIR}/solidConfigVersion.cmake DESTINATION ${solid_package_dir} COMPONENT dev)

# The installed archives export names of solid_ alone.
if(NOT CMAKE_OBJCOPY OR NOT CMAKE_NM)
  message(FATAL_ERROR "installing needs objcopy and nm (binutils)")
endif()
set(solid_archives "")
set(solid_archive_dir "\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}")
if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR})
  set(solid_archive_dir ${CMAKE_INSTALL_LIBDIR})
endif()
foreach(library ${solid_installed})
  list(APPEND solid_archives "\$ENV{DESTDIR}${solid_archive_dir}/lib${library}.a")
endforeach()
install(CODE "set(ARCHIVES \"${solid_archives}\")\nset(NM \"${CMAKE_NM}\")\nset(OBJCOPY \"${CMAKE_OBJCOPY}\")
include(\"${CMAKE_CURRENT_LIST_DIR}/private-names.cmake\")" COMPONENT dev)

include(SolidPackage)
