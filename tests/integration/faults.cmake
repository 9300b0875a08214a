# The collector killed, starved and lied to by its disk (fault_kit.py). Arguments of each: the two
# programs.
function(akashi_fault_test name)
  add_test(NAME integration.${name}
    COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/integration/${name}.py $<TARGET_FILE:akashi-collector>
      $<TARGET_FILE:akashi-verify> ${ARGN})
  set_tests_properties(integration.${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 600)
endfunction()

akashi_fault_test(fault_kill --kills 10)
akashi_threads(integration.fault_kill akashi-collector akashi-verify)
# It waits for sealing, which runs only when nothing else does.
set_tests_properties(integration.fault_kill PROPERTIES RUN_SERIAL ON)

add_library(akashi_faulty_disk MODULE tools/faulty_disk.c)
target_link_libraries(akashi_faulty_disk PRIVATE akashi_flags)
akashi_fault_test(fault_disk $<TARGET_FILE:akashi_faulty_disk> $<TARGET_FILE:tamper_eio>)
set_property(TEST integration.fault_disk APPEND PROPERTY ENVIRONMENT
  ASAN_OPTIONS=verify_asan_link_order=0)

akashi_fault_test(fault_restart ${CMAKE_CURRENT_SOURCE_DIR}/independent/verify.py)
akashi_threads(integration.fault_restart akashi-collector akashi-verify)

akashi_fault_test(signer)
akashi_threads(integration.signer akashi-collector akashi-verify)
akashi_fault_test(epochs ${CMAKE_CURRENT_SOURCE_DIR}/independent/verify.py)
akashi_threads(integration.epochs akashi-collector akashi-verify)

akashi_fault_test(anchors_collector)
akashi_threads(integration.anchors_collector akashi-collector akashi-verify)
akashi_fault_test(renew_collector)
akashi_fault_test(stamps_collector)
akashi_threads(integration.stamps_collector akashi-collector akashi-verify)

add_library(akashi_stop_disk MODULE tools/stop_disk.c)
target_link_libraries(akashi_stop_disk PRIVATE akashi_flags)
akashi_fault_test(seeds_on_disk $<TARGET_FILE:akashi_stop_disk>)
set_property(TEST integration.seeds_on_disk APPEND PROPERTY ENVIRONMENT
  ASAN_OPTIONS=verify_asan_link_order=0)

akashi_fault_test(fault_two)
akashi_threads(integration.fault_two akashi-collector akashi-verify)

akashi_fault_test(erase)
akashi_threads(integration.erase akashi-collector akashi-verify)
set_tests_properties(integration.erase PROPERTIES RUN_SERIAL ON) # it mounts and searches a disk

akashi_fault_test(waiting ${CMAKE_CURRENT_SOURCE_DIR}/independent/verify.py
  $<TARGET_FILE:akashi_faulty_disk>)
set_property(TEST integration.waiting APPEND PROPERTY ENVIRONMENT
  ASAN_OPTIONS=verify_asan_link_order=0)
akashi_threads(integration.waiting akashi-collector akashi-verify akashi_faulty_disk)
akashi_fault_test(succeed ${CMAKE_CURRENT_SOURCE_DIR}/independent/verify.py ${CMAKE_SOURCE_DIR})

akashi_fault_test(witness_client ${CMAKE_CURRENT_SOURCE_DIR}/independent/verify.py)
akashi_fault_test(witness_three)
akashi_fault_test(witness_netns)
akashi_threads(integration.witness_client akashi-collector akashi-verify)
