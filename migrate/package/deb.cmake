# Run by CPack (3.19 and later) between installing and packing: makes of the installed files what Debian's policy
# asks for.  Sections 12.1 and 12.7: man pages and changelogs are compressed, as small as gzip makes them; 12.7:
# a package with a Debian revision has the changelog of its packaging beside upstream's; 12.5: the copyright
# file names where the source is from.
#
# CPACK_TEMPORARY_INSTALL_DIRECTORY is where the files are; CPACK_* come from CPackConfig.cmake.
if(NOT CPACK_GENERATOR STREQUAL "DEB")
    return()
endif()
set(share ${CPACK_TEMPORARY_INSTALL_DIRECTORY}${CPACK_PACKAGING_INSTALL_PREFIX}/share)
set(doc ${share}/doc/${CPACK_PACKAGE_NAME})

file(MAKE_DIRECTORY ${doc})
file(RENAME ${doc}/CHANGELOG.md ${doc}/changelog)
file(WRITE ${doc}/changelog.Debian
     "${CPACK_PACKAGE_NAME} (${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}) unstable; urgency=medium

  * Package made from the project's own tree; what is new is in changelog.gz.

 -- ${CPACK_PACKAGE_CONTACT}  ${CPACK_KM_RELEASE_DATE}
")
file(GLOB pages ${share}/man/man*/*.[1-9])
foreach(file IN LISTS pages ITEMS ${doc}/changelog ${doc}/changelog.Debian)
    # -n: no name and no time, so that the same tree gives the same package.
    execute_process(COMMAND gzip -9nf ${file} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
file(CHMOD_RECURSE ${share} FILE_PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ
     DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
