// An accelerator for tests. Its memory cannot be read by the host: every page is mapped twice, and the address that
// tensors have is the mapping without access, as an address of a GPU is. Operators use the other mapping.
// Work can be made to last, on a clock of the device's own; what waits for it is counted.
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
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

namespace {

namespace py = pybind11;
using Clock = std::chrono::steady_clock;
constexpr size_t ARENA = size_t(1) << 34, ALIGNMENT = 64;
constexpr auto KEYS = c10::DispatchKeySet(c10::DispatchKey::PrivateUse1);

struct Copy {
  Clock::time_point due;
  at::Tensor source, target;
};

struct Device {
  char *shown = nullptr, *real = nullptr;
  size_t used = 0, limit = ARENA;
  std::mutex mutex;
  std::multimap<size_t, char *> freed;
  std::map<char *, size_t> sizes;
  size_t held = 0;
  int64_t to_host = 0, to_device = 0, waits = 0, launches = 0;
  Clock::time_point busy_until;
  std::deque<Copy> copies;
  bool is_capturing = false;
  thread_local static int inside;

  Device() {
    int file = memfd_create("accelerator", 0);
    TORCH_CHECK(file >= 0 && ftruncate(file, ARENA) == 0, "no memory for the test accelerator");
    shown = static_cast<char *>(mmap(nullptr, ARENA, PROT_NONE, MAP_SHARED | MAP_NORESERVE, file, 0));
    real = static_cast<char *>(mmap(nullptr, ARENA, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file, 0));
    TORCH_CHECK(shown != MAP_FAILED && real != MAP_FAILED, "no memory for the test accelerator");
    close(file);
  }
  char *host(const void *address) { return real + (static_cast<const char *>(address) - shown); }
  bool is_busy() { return Clock::now() < busy_until; }
  void deliver() {
    while (!copies.empty() && copies.front().due <= Clock::now()) {
      Copy one = copies.front();
      copies.pop_front();
      one.target.copy_(one.source);
    }
  }
  void wait() {
    if (is_busy()) {
      ++waits;
      std::this_thread::sleep_until(busy_until);
    }
    deliver();
  }
};
thread_local int Device::inside = 0;
Device &device() {
  static auto *one = new Device();
  return *one;
}

void release(void *address) {
  auto &here = device();
  std::lock_guard<std::mutex> lock(here.mutex);
  auto found = here.sizes.find(static_cast<char *>(address));
  here.held -= found->second;
  here.freed.emplace(found->second, found->first);
}

struct Allocator final : at::Allocator {
  at::DataPtr allocate(size_t wanted) override {
    auto &here = device();
    std::lock_guard<std::mutex> lock(here.mutex);
    if (!wanted) return {nullptr, nullptr, nullptr, at::Device(at::kPrivateUse1, 0)};
    size_t size = (wanted + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (here.held + size > here.limit) TORCH_CHECK_WITH(OutOfMemoryError, false, "accelerator out of memory");
    auto known = here.freed.lower_bound(size);
    char *address;
    if (known != here.freed.end() && known->first == size) {
      address = known->second;
      here.freed.erase(known);
    } else {
      TORCH_CHECK(here.used + size <= ARENA, "accelerator out of addresses");
      address = here.shown + here.used;
      here.used += size;
      here.sizes[address] = size;
    }
    here.held += size;
    return {address, address, &release, at::Device(at::kPrivateUse1, 0)};
  }
  at::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void *to, const void *from, std::size_t size) const override {
    std::memcpy(device().host(to), device().host(from), size);
  }
};
Allocator allocator;

at::Tensor empty(c10::IntArrayRef size, std::optional<at::ScalarType> dtype, std::optional<at::Layout>,
                 std::optional<at::Device>, std::optional<bool>, std::optional<at::MemoryFormat> format) {
  return at::detail::empty_generic(size, &allocator, KEYS, c10::dtype_or_default(dtype), format);
}
at::Tensor empty_strided(c10::IntArrayRef size, c10::IntArrayRef stride, std::optional<at::ScalarType> dtype,
                         std::optional<at::Layout>, std::optional<at::Device>, std::optional<bool>) {
  return at::detail::empty_strided_generic(size, stride, &allocator, KEYS, c10::dtype_or_default(dtype));
}

// The same elements as the host sees them; alive as long as the tensor is.
at::Tensor on_host(const at::Tensor &tensor) {
  if (tensor.device().is_cpu()) return tensor;
  if (!tensor.numel()) return at::empty_strided(tensor.sizes(), tensor.strides(), tensor.options().device(at::kCPU));
  return at::from_blob(device().host(tensor.const_data_ptr()), tensor.sizes(), tensor.strides(),
                       tensor.options().device(at::kCPU));
}

void check_not_captured();
at::Tensor copy_from(const at::Tensor &source, const at::Tensor &target, bool is_asynchronous) {
  auto &here = device();
  bool reads = target.device().is_cpu(), writes = source.device().is_cpu();
  if (Device::inside == 0) {
    check_not_captured();
    here.to_host += reads ? target.nbytes() : 0;
    here.to_device += writes ? target.nbytes() : 0;
    if (reads && is_asynchronous && here.is_busy()) {
      here.copies.push_back({here.busy_until, on_host(source).clone(), target});
      return target;
    }
    if (reads || (writes && !is_asynchronous)) here.wait();
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
  if (Device::inside == 0) {
    device().to_host += self.nbytes();
    device().wait();
  }
  return on_host(self).item();
}

at::Tensor to_device(const at::Tensor &made) {
  auto target = at::empty_like(made, made.options().device(at::Device(at::kPrivateUse1, 0)));
  on_host(target).copy_(made);
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
  return {to_device(output), to_device(saved_mean), to_device(saved_variance)};
}

// Operators run on the host, on copies that are no copies which the program asked for.
void run_on_host(const c10::OperatorHandle &operation, torch::jit::Stack *stack) {
  ++device().launches;
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

// What is launched or asked for meanwhile makes the capture invalid.
void check_not_captured() {
  TORCH_CHECK(!device().is_capturing, "operation not permitted while the stream is being captured");
}
struct Guard final : c10::impl::DeviceGuardImplInterface {
  static constexpr auto here = at::DeviceType::PrivateUse1;
  at::DeviceType type() const override { return here; }
  at::Device exchangeDevice(at::Device) const override { return getDevice(); }
  at::Device getDevice() const override { return {here, 0}; }
  void setDevice(at::Device) const override {}
  void uncheckedSetDevice(at::Device) const noexcept override {}
  c10::Stream getStream(at::Device) const override { return c10::Stream(c10::Stream::DEFAULT, getDevice()); }
  c10::Stream getDefaultStream(at::Device) const override { return getStream(getDevice()); }
  c10::Stream exchangeStream(c10::Stream) const override { return getStream(getDevice()); }
  c10::DeviceIndex deviceCount() const noexcept override { return 1; }
  void record(void **event, const c10::Stream &, const c10::DeviceIndex, const c10::EventFlag) const override {
    delete static_cast<Clock::time_point *>(*event);
    *event = new Clock::time_point(device().busy_until);
  }
  void destroyEvent(void *event, const c10::DeviceIndex) const noexcept override {
    delete static_cast<Clock::time_point *>(event);
  }
  bool queryEvent(void *event) const override {
    check_not_captured();
    if (event && Clock::now() < *static_cast<Clock::time_point *>(event)) return false;
    device().deliver();
    return true;
  }
  void synchronizeEvent(void *) const override { device().wait(); }
  void synchronizeDevice(const c10::DeviceIndex) const override { device().wait(); }
  void synchronizeStream(const c10::Stream &) const override { device().wait(); }
  bool queryStream(const c10::Stream &) const override {
    check_not_captured();
    return !device().is_busy();
  }
  bool isStreamCapturing(const c10::Stream &) const override { return device().is_capturing; }
};
C10_REGISTER_GUARD_IMPL(PrivateUse1, Guard)

struct Hooks final : at::PrivateUse1HooksInterface {
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  void resizePrivateUse1Bytes(const c10::Storage &storage, size_t size) const override { resize_bytes(storage, size); }
};

py::dict counts() {
  auto &here = device();
  py::dict found;
  found["to_host"] = here.to_host;
  found["to_device"] = here.to_device;
  found["waits"] = here.waits;
  found["launches"] = here.launches;
  found["held"] = here.held;
  here.to_host = here.to_device = here.waits = here.launches = 0;
  return found;
}
// A kernel that gets addresses only, as one of Triton or of a replayed graph does.
void add_at(int64_t address, int64_t count, double value) {
  auto *first = reinterpret_cast<float *>(device().host(reinterpret_cast<void *>(address)));
  for (int64_t i = 0; i < count; ++i) first[i] += static_cast<float>(value);
}
void work(double seconds) {
  auto &here = device();
  auto length = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  here.busy_until = std::max(Clock::now(), here.busy_until) + length;
}

}  // namespace

PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {
  at::RegisterPrivateUse1HooksInterface(new Hooks());
  m.def("counts", counts, "Return the counters since the last call.");
  m.def("add_at", add_at, "Add a number to float32 elements at an address.");
  m.def("work", work, "Keep the device busy for some seconds more.");
  m.def("is_busy", [] { return device().is_busy(); });
  m.def("synchronize", [] { device().wait(); });
  m.def("limit", [](size_t size) { device().limit = size; }, "Set how many bytes may be allocated.");
  m.def("memory", [] { return std::pair(device().limit - device().held, device().limit); }, "Free and total bytes.");
  m.def("is_capturing", [] { return device().is_capturing; });
  m.def("capture", [](bool on) { device().is_capturing = on; }, "Begin or end the capture of the stream.");
}
