// An accelerator for tests. Its memory cannot be read by the host: every page is mapped twice, and the address that
// tensors have is the mapping without access, as an address of a GPU is. Operators use the other mapping.
// Work can be made to last, on a clock of its stream's own; what waits for it is counted. There are two devices, and any
// number of streams. Allocations can be made to fail, and a device to be lost, as after a kernel with a bad address.
// A launch that failed can leave its error, which the next reader clears: an operator raises it, a query drops it, as of
// CUDA's runtime (`cudaGetLastError`).
#include <ATen/EmptyTensor.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <ATen/native/CPUFallback.h>
#include <ATen/native/Resize.h>
#include <ATen/ops/native_batch_norm.h>
#include <ATen/ops/_reshape_alias_native.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/set_native.h>
#include <ATen/ops/unfold_native.h>
#include <ATen/ops/view_native.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <pybind11/pybind11.h>
#include <sys/mman.h>
#include <torch/library.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <thread>

namespace {

namespace py = pybind11;
using Clock = std::chrono::steady_clock;
constexpr size_t ARENA = size_t(1) << 34, ALIGNMENT = 64;
constexpr auto KEYS = c10::DispatchKeySet(c10::DispatchKey::PrivateUse1);

constexpr int DEVICES = 2;

// A copy that is made later; what it reads may be written until then.
struct Copy {
  Clock::time_point due;
  at::Tensor source, target;
};

// A kernel that writes later, when its stream comes to it.
struct Kernel {
  Clock::time_point due;
  int index;
  int64_t stream, address, count;
  double value;
};

struct Memory {
  size_t limit = ARENA, held = 0, most = 0;
  std::set<int64_t> captured;
  std::map<int64_t, Clock::time_point> busy_until;
};

struct Device {
  char *shown = nullptr, *real = nullptr;
  size_t used = 0;
  std::mutex mutex;
  std::multimap<std::pair<int, size_t>, char *> freed;
  std::map<char *, std::pair<int, size_t>> sizes;
  Memory memories[DEVICES];
  bool tells_streams = true;
  int64_t to_host = 0, to_device = 0, waits = 0, launches = 0, spoilt = 0, streams = 0, allocations_left = -1;
  std::deque<Copy> copies;
  std::deque<Kernel> kernels;
  std::map<const char *, size_t> pinned;
  std::string fault;
  Clock::time_point faulty_from;
  thread_local static int inside, current;
  thread_local static int64_t stream[DEVICES];
  thread_local static std::string left;

  Device() {
    int file = memfd_create("accelerator", 0);
    TORCH_CHECK(file >= 0 && ftruncate(file, ARENA) == 0, "no memory for the test accelerator");
    shown = static_cast<char *>(mmap(nullptr, ARENA, PROT_NONE, MAP_SHARED | MAP_NORESERVE, file, 0));
    real = static_cast<char *>(mmap(nullptr, ARENA, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file, 0));
    TORCH_CHECK(shown != MAP_FAILED && real != MAP_FAILED, "no memory for the test accelerator");
    close(file);
  }
  char *host(const void *address) { return real + (static_cast<const char *>(address) - shown); }
  Memory &here() { return memories[current]; }
  Clock::time_point &end(int index, int64_t of) { return memories[index].busy_until[of]; }
  Clock::time_point &end() { return end(current, stream[current]); }
  bool is_busy() { return Clock::now() < end(); }
  Clock::time_point last() {
    Clock::time_point found;
    for (auto &one : memories)
      for (auto &[_, until] : one.busy_until) found = std::max(found, until);
    return found;
  }
  // An error of a kernel is told by whatever is asked of the device after it ran, again and again.
  void check() {
    if (fault.empty() || Clock::now() < faulty_from) return;
    left.clear();
    TORCH_CHECK(false, fault);
  }
  void read_left() { TORCH_CHECK(left.empty(), std::exchange(left, "")); }
  bool told(bool is_done) {
    if (!is_done) left.clear();
    return is_done;
  }
  void run(const Kernel &one) {
    auto *first = reinterpret_cast<float *>(host(reinterpret_cast<void *>(one.address)));
    for (int64_t i = 0; i < one.count; ++i) first[i] += static_cast<float>(one.value);
  }
  // Runs the kernels that are due, and those that a stream waits for or has ahead of what is launched next.
  void run_kernels(int index, int64_t of) {
    std::deque<Kernel> later;
    for (auto &one : kernels) {
      if (one.due <= Clock::now() || (one.index == index && one.stream == of))
        run(one);
      else
        later.push_back(one);
    }
    kernels = later;
  }
  void deliver() {
    run_kernels(-1, -1);
    std::deque<Copy> due, later;
    for (auto &one : copies) (one.due <= Clock::now() ? due : later).push_back(one);
    copies = later;
    for (auto &one : due) one.target.copy_(one.source);  // to memory of the host through a tensor without its version
  }
  void wait(Clock::time_point until) {
    if (Clock::now() < until) {
      ++waits;
      std::this_thread::sleep_until(until);
    }
    check();
    deliver();
  }
};
thread_local int Device::inside = 0, Device::current = 0;
thread_local int64_t Device::stream[DEVICES] = {};
thread_local std::string Device::left;
Device &device() {
  static auto *one = new Device();
  return *one;
}

// Makes the device of a tensor the current one.
struct Made {
  int before = Device::current;
  explicit Made(std::optional<at::Device> of) {
    if (of && of->type() == at::kPrivateUse1 && of->index() >= 0) Device::current = of->index();
  }
  ~Made() { Device::current = before; }
};

void release(void *address) {
  auto &here = device();
  std::lock_guard<std::mutex> lock(here.mutex);
  auto found = here.sizes.find(static_cast<char *>(address));
  here.memories[found->second.first].held -= found->second.second;
  here.freed.emplace(found->second, found->first);
}

struct Allocator final : at::Allocator {
  at::DataPtr allocate(size_t wanted) override {
    auto &here = device();
    std::lock_guard<std::mutex> lock(here.mutex);
    auto index = static_cast<c10::DeviceIndex>(Device::current);
    if (!wanted) return {nullptr, nullptr, nullptr, at::Device(at::kPrivateUse1, index)};
    here.check();
    std::pair<int, size_t> size(index, (wanted + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
    bool is_full = here.here().held + size.second > here.here().limit;
    if (is_full || (here.allocations_left >= 0 && here.allocations_left-- == 0)) {
      here.left.clear();
      TORCH_CHECK_WITH(OutOfMemoryError, false, "accelerator out of memory");
    }
    auto known = here.freed.find(size);
    char *address;
    if (known != here.freed.end()) {
      address = known->second;
      here.freed.erase(known);
    } else {
      TORCH_CHECK(here.used + size.second <= ARENA, "accelerator out of addresses");
      address = here.shown + here.used;
      here.used += size.second;
      here.sizes[address] = size;
    }
    auto &memory = here.here();
    memory.most = std::max(memory.most, memory.held += size.second);
    return {address, address, &release, at::Device(at::kPrivateUse1, index)};
  }
  at::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void *to, const void *from, std::size_t size) const override {
    std::memcpy(device().host(to), device().host(from), size);
  }
};
// Memory of the host that a device reads and writes in its own time.
bool is_pinned(const void *address) {
  auto &here = device();
  std::lock_guard<std::mutex> lock(here.mutex);
  auto *wanted = static_cast<const char *>(address);
  auto found = here.pinned.upper_bound(wanted);
  return found != here.pinned.begin() && wanted < (--found)->first + found->second;
}
void release_pinned(void *address) {
  auto &here = device();
  std::lock_guard<std::mutex> lock(here.mutex);
  here.pinned.erase(static_cast<char *>(address));
  std::free(address);
}
struct PinnedAllocator final : at::Allocator {
  at::DataPtr allocate(size_t wanted) override {
    auto &here = device();
    std::lock_guard<std::mutex> lock(here.mutex);
    size_t size = (std::max<size_t>(wanted, 1) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    void *address = std::aligned_alloc(ALIGNMENT, size);
    here.pinned[static_cast<char *>(address)] = size;
    return {address, address, &release_pinned, at::Device(at::kCPU)};
  }
  at::DeleterFnPtr raw_deleter() const override { return &release_pinned; }
  void copy_data(void *to, const void *from, std::size_t size) const override { std::memcpy(to, from, size); }
};
PinnedAllocator pinned_allocator;

Allocator allocator;
REGISTER_ALLOCATOR(c10::DeviceType::PrivateUse1, &allocator)

at::Tensor empty(c10::IntArrayRef size, std::optional<at::ScalarType> dtype, std::optional<at::Layout>,
                 std::optional<at::Device> where, std::optional<bool>, std::optional<at::MemoryFormat> format) {
  Made made(where);
  return at::detail::empty_generic(size, &allocator, KEYS, c10::dtype_or_default(dtype), format);
}
at::Tensor empty_strided(c10::IntArrayRef size, c10::IntArrayRef stride, std::optional<at::ScalarType> dtype,
                         std::optional<at::Layout>, std::optional<at::Device> where, std::optional<bool>) {
  Made made(where);
  return at::detail::empty_strided_generic(size, stride, &allocator, KEYS, c10::dtype_or_default(dtype));
}

// The same elements as the host sees them; alive as long as the tensor is.
at::Tensor on_host(const at::Tensor &tensor) {
  if (tensor.device().is_cpu()) return tensor;
  if (!tensor.numel()) return at::empty_strided(tensor.sizes(), tensor.strides(), tensor.options().device(at::kCPU));
  return at::from_blob(device().host(tensor.const_data_ptr()), tensor.sizes(), tensor.strides(),
                       tensor.options().device(at::kCPU));
}

// The same elements without a version counter that moves with theirs; alive as long as the tensor is.
at::Tensor unversioned(const at::Tensor &tensor) {
  return at::from_blob(tensor.mutable_data_ptr(), tensor.sizes(), tensor.strides(), [tensor](void *) {}, tensor.options());
}
void check_not_captured();
at::Tensor copy_from(const at::Tensor &source, const at::Tensor &target, bool is_asynchronous) {
  auto &here = device();
  bool reads = target.device().is_cpu(), writes = source.device().is_cpu();
  Made made(reads ? source.device() : target.device());
  if (Device::inside == 0) {
    check_not_captured();
    here.check();
    here.run_kernels(Device::current, Device::stream[Device::current]);
    here.to_host += reads ? target.nbytes() : 0;
    here.to_device += writes ? target.nbytes() : 0;
    if (reads && is_asynchronous && here.is_busy()) {
      here.copies.push_back({here.end(), on_host(source).clone(), unversioned(target)});
      return target;
    }
    if (writes && is_asynchronous && here.is_busy() && is_pinned(source.const_data_ptr())) {
      here.copies.push_back({here.end(), source, on_host(target)});
      return target;
    }
    if (reads || (writes && !is_asynchronous)) here.wait(here.end());
    if (!reads && !writes) here.read_left();
  }
  on_host(target).copy_(on_host(source));
  return target;
}
at::Tensor copy_from_and_resize(const at::Tensor &source, const at::Tensor &target) {
  if (target.sizes() != source.sizes()) target.resize_(source.sizes());
  on_host(target).copy_(on_host(source));
  return target;
}
at::Tensor view(const at::Tensor &self, c10::IntArrayRef size) { return at::native::view(self, size); }
at::Tensor as_strided(const at::Tensor &self, c10::IntArrayRef size, c10::IntArrayRef stride,
                      std::optional<int64_t> offset) {
  return at::native::as_strided_tensorimpl(self, size, stride, offset);
}
at::Tensor reshape_alias(const at::Tensor &self, c10::IntArrayRef size, c10::IntArrayRef stride) {
  return at::native::_reshape_alias(self, size, stride);
}
at::Tensor unfold(const at::Tensor &self, int64_t dimension, int64_t size, int64_t step) {
  return at::native::unfold(self, dimension, size, step);
}
at::Tensor &set_parts(at::Tensor &self, at::Storage source, int64_t offset, c10::IntArrayRef size,
                      c10::IntArrayRef stride) {
  return at::native::set_storage_cpu_(self, source, offset, size, stride);
}
at::Tensor &set_storage(at::Tensor &self, at::Storage source) {
  return self.set_(source, 0, static_cast<int64_t>(source.nbytes() / self.dtype().itemsize()));
}
at::Tensor &set_tensor(at::Tensor &self, const at::Tensor &source) { return at::native::set_tensor_(self, source); }

void resize_bytes(const c10::Storage &storage, size_t size) {
  Made made(storage.device());
  at::DataPtr fresh = allocator.allocate(size);
  size_t kept = std::min(size, storage.nbytes());
  if (kept) std::memcpy(device().host(fresh.get()), device().host(storage.data()), kept);
  storage.set_data_ptr_noswap(std::move(fresh));
  storage.set_nbytes(size);
}
const at::Tensor &resize(const at::Tensor &self, c10::IntArrayRef size, std::optional<at::MemoryFormat>) {
  auto *tensor = self.unsafeGetTensorImpl();
  int64_t count = c10::multiply_integers(size);
  size_t needed = (static_cast<size_t>(count) + self.storage_offset()) * self.dtype().itemsize();
  if (count && needed > self.storage().nbytes()) resize_bytes(self.storage(), needed);
  tensor->set_sizes_contiguous(size);
  return self;
}
at::Scalar item(const at::Tensor &self) {
  Made made(self.device());
  if (Device::inside == 0) {
    device().to_host += self.nbytes();
    device().wait(device().end());
  }
  return on_host(self).item();
}

at::Tensor to_device(const at::Tensor &result, at::Device where) {
  auto target = at::empty_like(result, result.options().device(where));
  on_host(target).copy_(result);
  return target;
}
std::optional<at::Tensor> maybe_on_host(const std::optional<at::Tensor> &tensor) {
  return tensor && tensor->defined() ? std::optional(on_host(*tensor)) : std::nullopt;
}
// Its running statistics are written although its signature denies it, so that copies of them do not do.
std::tuple<at::Tensor, at::Tensor, at::Tensor> batch_norm(
    const at::Tensor &input, const std::optional<at::Tensor> &weight, const std::optional<at::Tensor> &bias,
    const std::optional<at::Tensor> &mean, const std::optional<at::Tensor> &variance, bool training, double momentum,
    double eps) {
  auto [output, saved_mean, saved_variance] =
      at::native_batch_norm(on_host(input), maybe_on_host(weight), maybe_on_host(bias), maybe_on_host(mean),
                            maybe_on_host(variance), training, momentum, eps);
  auto where = input.device();
  return {to_device(output, where), to_device(saved_mean, where), to_device(saved_variance, where)};
}

// Operators run on the host, on copies that are no copies which the program asked for.
void run_on_host(const c10::OperatorHandle &operation, torch::jit::Stack *stack) {
  ++device().launches;
  device().check();
  if (Device::inside == 0) device().read_left();
  device().run_kernels(Device::current, Device::stream[Device::current]);
  ++Device::inside;
  try {
    at::native::cpu_fallback(operation, stack);
  } catch (...) {
    --Device::inside;
    throw;
  }
  --Device::inside;
}

TORCH_LIBRARY_IMPL(_, PrivateUse1, m) { m.fallback(torch::CppFunction::makeFromBoxedFunction<&run_on_host>()); }
TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  m.impl("empty.memory_format", empty);
  m.impl("empty_strided", empty_strided);
  m.impl("_copy_from", copy_from);
  m.impl("_copy_from_and_resize", copy_from_and_resize);
  m.impl("view", view);
  m.impl("as_strided", as_strided);
  m.impl("_reshape_alias", reshape_alias);
  m.impl("unfold", unfold);
  m.impl("set_.source_Storage_storage_offset", set_parts);
  m.impl("set_.source_Storage", set_storage);
  m.impl("set_.source_Tensor", set_tensor);
  m.impl("resize_", resize);
  m.impl("_local_scalar_dense", item);
  m.impl("native_batch_norm", batch_norm);
}

// What is asked for meanwhile, of whatever stream and device, makes the capture invalid, as CUDA's global mode has it.
void check_not_captured() {
  bool is_captured = false;
  for (auto &one : device().memories) is_captured |= !one.captured.empty();
  device().spoilt += is_captured;
  TORCH_CHECK(!is_captured, "operation not permitted while a stream is being captured");
}
struct Guard final : c10::impl::DeviceGuardImplInterface {
  static constexpr auto here = at::DeviceType::PrivateUse1;
  at::DeviceType type() const override { return here; }
  at::Device exchangeDevice(at::Device to) const override {
    auto before = getDevice();
    uncheckedSetDevice(to);
    return before;
  }
  at::Device getDevice() const override { return {here, static_cast<c10::DeviceIndex>(Device::current)}; }
  void setDevice(at::Device to) const override { uncheckedSetDevice(to); }
  void uncheckedSetDevice(at::Device to) const noexcept override {
    if (to.index() >= 0) Device::current = to.index();
  }
  c10::Stream stream_of(at::Device of, int64_t id) const { return c10::Stream(c10::Stream::UNSAFE, of, id); }
  c10::Stream getStream(at::Device of) const override { return stream_of(of, Device::stream[of.index()]); }
  c10::Stream getDefaultStream(at::Device of) const override { return stream_of(of, 0); }
  c10::Stream getNewStream(at::Device of, int) const override { return stream_of(of, ++device().streams); }
  c10::Stream exchangeStream(c10::Stream to) const override {
    auto before = getStream(to.device());
    Device::stream[to.device_index()] = to.id();
    return before;
  }
  c10::DeviceIndex deviceCount() const noexcept override { return DEVICES; }
  void record(void **event, const c10::Stream &stream, const c10::DeviceIndex, const c10::EventFlag) const override {
    device().check();
    delete static_cast<Clock::time_point *>(*event);
    *event = new Clock::time_point(device().end(stream.device_index(), stream.id()));
  }
  void block(void *event, const c10::Stream &stream) const override {
    auto &end = device().end(stream.device_index(), stream.id());
    if (event) end = std::max(end, *static_cast<Clock::time_point *>(event));
  }
  void destroyEvent(void *event, const c10::DeviceIndex) const noexcept override {
    delete static_cast<Clock::time_point *>(event);
  }
  bool queryEvent(void *event) const override {
    check_not_captured();
    device().check();
    if (!device().told(!event || Clock::now() >= *static_cast<Clock::time_point *>(event))) return false;
    device().deliver();
    return true;
  }
  void synchronizeEvent(void *event) const override {
    if (event) device().wait(*static_cast<Clock::time_point *>(event));
  }
  void synchronizeDevice(const c10::DeviceIndex) const override { device().wait(device().last()); }
  void synchronizeStream(const c10::Stream &stream) const override {
    device().wait(device().end(stream.device_index(), stream.id()));
  }
  bool queryStream(const c10::Stream &stream) const override {
    TORCH_CHECK(device().tells_streams, "Backend doesn't support querying streams.");
    check_not_captured();
    device().check();
    return device().told(Clock::now() >= device().end(stream.device_index(), stream.id()));
  }
  bool isStreamCapturing(const c10::Stream &stream) const {  // overrides since PyTorch 2.12
    device().check();
    return device().memories[stream.device_index()].captured.count(stream.id()) > 0;
  }
};
C10_REGISTER_GUARD_IMPL(PrivateUse1, Guard)

struct Hooks final : at::PrivateUse1HooksInterface {
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  at::Allocator *getPinnedMemoryAllocator() const override { return &pinned_allocator; }
  bool isPinnedPtr(const void *address) const override { return is_pinned(address); }
  void resizePrivateUse1Bytes(const c10::Storage &storage, size_t size) const override { resize_bytes(storage, size); }
};

py::dict counts() {
  auto &here = device();
  py::dict found;
  found["to_host"] = here.to_host;
  found["to_device"] = here.to_device;
  found["waits"] = here.waits;
  found["launches"] = here.launches;
  found["spoilt"] = here.spoilt;
  found["held"] = here.memories[0].held;
  found["most"] = std::exchange(here.memories[0].most, here.memories[0].held);
  here.to_host = here.to_device = here.waits = here.launches = here.spoilt = 0;
  return found;
}
// A kernel that gets addresses only, as one of Triton or of a replayed graph does.
void add_at(int64_t address, int64_t count, double value) { device().run({{}, 0, 0, address, count, value}); }
// The same, behind the work that its stream has.
void add_late(int64_t address, int64_t count, double value) {
  auto &here = device();
  here.kernels.push_back({here.end(), Device::current, Device::stream[Device::current], address, count, value});
}
void work(double seconds) {
  auto &end = device().end();
  auto length = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  end = std::max(Clock::now(), end) + length;
}
// A kernel that reads an address of nobody: it fails when the device comes to it. An empty message mends the device.
void fault(const std::string &message) {
  device().fault = message;
  device().faulty_from = device().end();
}

}  // namespace

PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {
  at::RegisterPrivateUse1HooksInterface(new Hooks());
  m.def("counts", counts, "Return the counters since the last call.");
  m.def("add_at", add_at, "Add a number to float32 elements at an address.");
  m.def("add_late", add_late, "The same, when the stream has done its present work.");
  m.def("work", work, "Keep the device busy for some seconds more.");
  m.def("is_busy", [] {
    device().deliver();
    return Clock::now() < device().last();
  }, "Return whether any stream has work left.");
  m.def("synchronize", [] { device().wait(device().last()); });
  m.def("limit", [](size_t size) { device().memories[0].limit = size; }, "Set how many bytes may be allocated.");
  m.def("memory", [](int of) {
    device().check();
    auto &here = device().memories[of];
    return std::pair(here.limit > here.held ? here.limit - here.held : 0, here.limit);
  }, "Free and total bytes.");
  m.def("is_capturing", [] {
    device().check();
    return device().here().captured.count(Device::stream[Device::current]) > 0;
  });
  m.def("capture", [](bool on) {
    auto &captured = device().here().captured;
    on ? (void)captured.insert(Device::stream[Device::current]) : captured.clear();
  }, "Begin the capture of the stream in use, or end all captures of its device.");
  m.def("tell_streams", [](bool on) { device().tells_streams = on; }, "Tell of streams whether they are done, or not.");
  m.def("current", [] { return Device::current; });
  m.def("make_current", [](int index) { Device::current = index; });
  m.def("fault", fault, "Let all that is asked of the devices raise, once the present work is done.");
  m.def("leave_error", [](const std::string &message) { Device::left = message; },
        "Let a launch fail whose error nobody has read.");
  m.def("has_left_error", [] { return !Device::left.empty(); }, "Return whether there is such an error; it stays.");
  m.def("fail_allocation", [](int64_t after) { return std::exchange(device().allocations_left, after); },
        "Let one allocation fail, after some that do not, or none for -1; return how many were left.");
}
